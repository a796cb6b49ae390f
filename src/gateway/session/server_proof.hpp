// How the gateway proves a user to a server: what it has of the user against what the server asks.
// Sans I/O; the nonce comes from outside, and keys are derived from a password by the owner.
// It guarantees: after SCRAM has begun nothing but its end is an end, so that a server that does
// not know the verifier is found out; MD5 is answered once. It refuses to send a password in clear
// where the terms do not allow it. Follows pg_fe_sendauth() in src/interfaces/libpq/fe-auth.c.
#pragma once

#include <expected>
#include <optional>
#include <variant>

#include "gateway/credentials/stored_password.hpp"
#include "gateway/session/server_failure.hpp"
#include "pg/scram/client.hpp"
#include "pg/wire/login_messages.hpp"

namespace pgkeel::gateway {

/// Nothing is known of the user: enough for a server that trusts us.
struct NoCredentials {};
/// Keys out of a proof, and the verifier they are of: with another salt or count they are of no
/// use.
struct ScramPass {
  pg::ScramKeys keys;
  std::string salt;
  std::uint32_t iterations = 0;
};
using ServerCredentials = std::variant<NoCredentials, ScramPass, Md5Verifier, PlainPassword>;

/// tls_server_end_point() of the server's certificate: nothing without TLS, and empty where the
/// certificate has none.
using EndPoint = std::optional<std::string>;

/// Where a server may have the password itself.
enum class ClearPassword : std::uint8_t { Never, OverTls, Always };

/// To be derived away from the loop: a millisecond or two at 4096 iterations, half a second at the
/// most (pg::kScramIterationsMost). Worth keeping as a ScramPass for the next connection.
struct DeriveKeys {
  SharedSecret password;
  std::string salt;
  std::uint32_t iterations = 0;

  [[nodiscard]] Result<pg::ScramKeys> derive() const {
    return pg::derive_scram_keys(password.view(), salt, iterations);
  }
};

class ServerProof {
 public:
  ServerProof(std::string user, ServerCredentials credentials, ClearPassword clear,
              std::string nonce);

  /// Nothing but bytes to send, or keys to be derived and given to answer().
  using Answer = std::expected<std::optional<DeriveKeys>, ServerFailure>;
  /// To any request but Ok.
  [[nodiscard]] Answer take(const pg::wire::backend::Authentication& request,
                            const EndPoint& end_point, pg::wire::ByteBuffer& out);
  void answer(const pg::ScramKeys& keys, pg::wire::ByteBuffer& out);
  /// Whether AuthenticationOk may come now: nothing was asked, or what was is over.
  [[nodiscard]] bool may_end() const { return next_ == Next::Request || next_ == Next::Ok; }

 private:
  enum class Next : std::uint8_t { Request, Challenge, Keys, Signature, Ok };

  [[nodiscard]] Answer take_clear(const EndPoint& end_point, pg::wire::ByteBuffer& out);
  [[nodiscard]] Answer take_md5(std::string_view salt, pg::wire::ByteBuffer& out);
  [[nodiscard]] Answer take_sasl(const pg::wire::WireList<std::string_view>& mechanisms,
                                 const EndPoint& end_point, pg::wire::ByteBuffer& out);
  [[nodiscard]] Answer take_challenge(std::string_view challenge, pg::wire::ByteBuffer& out);
  [[nodiscard]] Answer take_signature(std::string_view signature);

  std::string user_;
  ServerCredentials credentials_;
  ClearPassword clear_;
  std::string nonce_;
  Next next_ = Next::Request;
  std::optional<pg::ScramClient> scram_;
};

}  // namespace pgkeel::gateway
