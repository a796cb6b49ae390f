// See context.hpp.
#include "gateway/tls/context.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <fmt/format.h>

#include "gateway/tls/certificate_der.hpp"

namespace pgkeel::gateway {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

/// A chain is a few certificates of two kilobytes; a system's whole store is below half of it.
constexpr std::size_t kPemBytesMost = 1U << 20U;

Bio reading(std::string_view pem) {
  const auto fits = pem.size() <= kPemBytesMost;
  return {BIO_new_mem_buf(pem.data(), fits ? static_cast<int>(pem.size()) : 0), BIO_free};
}

/// Instead of OpenSSL's own, which asks at the terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

Certificate next_certificate(BIO* from) {
  return {PEM_read_bio_X509(from, nullptr, no_passphrase, nullptr), X509_free};
}

std::unexpected<Error> broken(std::string_view what) {
  return fail(ErrorCode::Malformed, fmt::format("{}: {}", what, take_tls_reason()));
}

/// Of the server's side: picks ours out of what the client offers, or ends the handshake.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes,
                    const unsigned char* offered, unsigned offered_bytes, void*) {
  unsigned char* found = nullptr;
  const auto* ours = reinterpret_cast<const unsigned char*>(kAlpnProtocols.data());
  if (SSL_select_next_proto(&found, chosen_bytes, ours, kAlpnProtocols.size(), offered,
                            offered_bytes) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

std::string take_tls_reason() {
  const auto code = ERR_peek_last_error();
  ERR_clear_error();
  const auto* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? fmt::format("OpenSSL error {}", code) : reason;
}

Result<TlsContext> TlsContext::create(const SSL_METHOD* method) {
  ERR_clear_error();
  TlsContext made;
  made.context_.reset(SSL_CTX_new(method));
  auto* context = made.context_.get();
  if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context, "HIGH:!aNULL") != 1 ||
      SSL_CTX_set_num_tickets(context, 0) != 1)
    return fail(ErrorCode::Failed, fmt::format("could not set up TLS: {}", take_tls_reason()));
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // Idle connections give their record buffers back, 16 kB each way.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  return made;
}

Result<TlsContext> TlsContext::server(const TlsIdentity& identity,
                                      std::string_view client_authorities) {
  TRY(made, create(TLS_server_method()));
  TRY_VOID(made.use(identity));
  SSL_CTX_set_alpn_select_cb(made.get(), choose_protocol, nullptr);
  if (!client_authorities.empty()) {
    TRY_VOID(made.trust(client_authorities));
    SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER, nullptr);
  }
  return std::move(made);
}

Result<TlsContext> TlsContext::client(TlsVerify verify, std::string_view authorities,
                                      const TlsIdentity& identity) {
  TRY(made, create(TLS_client_method()));
  made.verify_ = verify;
  if (!identity.certificates.empty()) TRY_VOID(made.use(identity));
  if (verify == TlsVerify::None) return std::move(made);
  if (!authorities.empty()) TRY_VOID(made.trust(authorities));
  else if (SSL_CTX_set_default_verify_paths(made.get()) != 1)
    return broken("could not read the system's certificates");
  SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER, nullptr);
  return std::move(made);
}

Result<void> TlsContext::use(const TlsIdentity& identity) {
  const auto text = reading(identity.certificates);
  const auto own = next_certificate(text.get());
  if (!own || SSL_CTX_use_certificate(get(), own.get()) != 1)
    return broken("no certificate in PEM");
  while (const auto next = next_certificate(text.get()))
    if (SSL_CTX_add1_chain_cert(get(), next.get()) != 1) return broken("a certificate's chain");
  ERR_clear_error();  // that no further one came is no error
  const auto key_text = reading(identity.key);
  const Key key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, no_passphrase, nullptr),
                EVP_PKEY_free);
  if (!key) return broken("no private key in PEM, or one that is encrypted");
  if (SSL_CTX_use_PrivateKey(get(), key.get()) != 1 || SSL_CTX_check_private_key(get()) != 1)
    return broken("the private key is not that of the certificate");
  end_point_ = end_point_of(own.get());
  return {};
}

Result<void> TlsContext::trust(std::string_view authorities) {
  const auto text = reading(authorities);
  auto* store = SSL_CTX_get_cert_store(get());
  std::size_t count = 0;
  for (; const auto next = next_certificate(text.get()); ++count)
    if (X509_STORE_add_cert(store, next.get()) != 1 ||
        SSL_CTX_add_client_CA(get(), next.get()) != 1)
      return broken("an authority's certificate");
  if (count == 0) return broken("no authority's certificate in PEM");
  ERR_clear_error();
  return {};
}

}  // namespace pgkeel::gateway
