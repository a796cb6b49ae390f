// What many TLS connections share: certificates, keys, whom to trust. Immutable: to change it,
// build a new one; connections that were begun keep theirs.
// It guarantees: TLS 1.2 or newer, no compression, no renegotiation, no resumption (a ticket's key
// would have to be shared and turned over); a peer that speaks ALPN must speak "postgresql"; no
// passphrase is ever asked for at a terminal. It refuses to read files: texts come in PEM.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel::gateway {

/// What we prove ourselves with. Texts in PEM.
struct TlsIdentity {
  std::string_view certificates;  ///< ours first, then those that lead to its authority
  std::string_view key;           ///< of ours; not encrypted
};

/// How far a client believes in a server, as libpq's sslmode: require, verify-ca, verify-full.
enum class TlsVerify : std::uint8_t { None, Authority, Full };

class TlsContext {
 public:
  /// For connections that come in. `client_authorities`, in PEM: clients are asked for a
  /// certificate, need not have one, and are refused with one that none of these signed; empty:
  /// not asked. Malformed: no PEM, or a key of another certificate; no error has any of it.
  [[nodiscard]] static Result<TlsContext> server(const TlsIdentity& identity,
                                                 std::string_view client_authorities = {});
  /// For connections to servers. `authorities`, in PEM; empty: those of the system. `identity` may
  /// be empty. Errors as above.
  [[nodiscard]] static Result<TlsContext> client(TlsVerify verify,
                                                 std::string_view authorities = {},
                                                 const TlsIdentity& identity = {});

  /// Of our certificate, for SCRAM: tls_server_end_point(). Empty where it has none.
  [[nodiscard]] const std::string& end_point() const { return end_point_; }
  [[nodiscard]] TlsVerify verify() const { return verify_; }
  [[nodiscard]] SSL_CTX* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };

  [[nodiscard]] static Result<TlsContext> create(const SSL_METHOD* method);
  [[nodiscard]] Result<void> use(const TlsIdentity& identity);
  [[nodiscard]] Result<void> trust(std::string_view authorities);

  std::unique_ptr<SSL_CTX, Free> context_;
  std::string end_point_;
  TlsVerify verify_ = TlsVerify::None;
};

/// The only protocol that is spoken inside, as ALPN lists it: its length before it.
inline constexpr std::string_view kAlpnProtocols = "\x0apostgresql";

/// What OpenSSL says went wrong last; its queue is empty afterwards.
[[nodiscard]] std::string take_tls_reason();

}  // namespace pgkeel::gateway
