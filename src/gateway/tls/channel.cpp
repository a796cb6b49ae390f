// See channel.hpp.
#include "gateway/tls/channel.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <fmt/format.h>

#include "gateway/tls/buffer_bio.hpp"
#include "gateway/tls/certificate_der.hpp"

namespace pgkeel::gateway {
namespace {

using pg::wire::ByteBuffer;

bool is_address(const std::string& host) {
  const std::unique_ptr<ASN1_OCTET_STRING, decltype(&ASN1_OCTET_STRING_free)> address(
      a2i_IPADDRESS(host.c_str()), ASN1_OCTET_STRING_free);
  ERR_clear_error();
  return address != nullptr;
}

/// Whom the peer's certificate must be of, and the name that a server with many looks at.
Result<void> expect_peer(SSL* tls, TlsVerify verify, const std::string& host) {
  const auto full = verify == TlsVerify::Full;
  SSL_set_hostflags(tls, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const auto set =
      is_address(host)
          ? !full || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls), host.c_str()) == 1
          : SSL_set_tlsext_host_name(tls, host.c_str()) == 1 &&
                (!full || (!host.empty() && SSL_set1_host(tls, host.c_str()) == 1));
  if (set) return {};
  return fail(ErrorCode::ConnectionFailed, fmt::format("\"{}\" is no name of a TLS server", host));
}

Result<void> offer_protocol(SSL* tls) {
  const auto* offered = reinterpret_cast<const unsigned char*>(kAlpnProtocols.data());
  if (SSL_set_alpn_protos(tls, offered, kAlpnProtocols.size()) != 0)
    return fail(ErrorCode::Failed, "could not offer an ALPN protocol");
  return {};
}

}  // namespace

Result<TlsChannel> TlsChannel::create(const TlsContext& context, TlsOpening opening) {
  ERR_clear_error();
  TlsChannel made(SSL_new(context.get()), opening);
  auto* bio = made.tls_ ? new_buffer_bio() : nullptr;
  if (bio == nullptr)
    return fail(ErrorCode::Failed, fmt::format("could not begin TLS: {}", take_tls_reason()));
  SSL_set_bio(made.tls_.get(), bio, bio);
  return made;
}

Result<TlsChannel> TlsChannel::accept(const TlsContext& server, TlsOpening opening) {
  TRY(made, create(server, opening));
  SSL_set_accept_state(made.tls_.get());
  return std::move(made);
}

Result<TlsChannel> TlsChannel::connect(const TlsContext& client, const std::string& host,
                                       TlsOpening opening) {
  TRY(made, create(client, opening));
  TRY_VOID(expect_peer(made.tls_.get(), client.verify(), host));
  TRY_VOID(offer_protocol(made.tls_.get()));
  SSL_set_connect_state(made.tls_.get());
  return std::move(made);
}

Result<void> TlsChannel::start(ByteBuffer& out) {
  BufferEnds ends{{}, out};
  const AttachedEnds attached(tls_.get(), ends);
  return shake_hands();
}

Result<ByteSpan> TlsChannel::receive(ByteSpan& ciphertext, std::span<std::byte> room,
                                     ByteBuffer& out) {
  CHECK(!room.empty() && state_ != State::Failed);
  BufferEnds ends{ciphertext, out};
  const AttachedEnds attached(tls_.get(), ends);
  ERR_clear_error();
  if (state_ == State::Handshaking) TRY_VOID(shake_hands());
  std::size_t bytes = 0;
  const auto read =
      state_ == State::Open && SSL_read_ex(tls_.get(), room.data(), room.size(), &bytes) == 1;
  ciphertext = read ? ends.in : ByteSpan();
  if (read) return room.first(bytes);
  if (state_ != State::Open) return ByteSpan();
  const auto why = SSL_get_error(tls_.get(), 0);
  if (why == SSL_ERROR_ZERO_RETURN) state_ = State::Closed;
  else if (why != SSL_ERROR_WANT_READ) return failed("TLS");
  return ByteSpan();
}

Result<void> TlsChannel::shake_hands() {
  ERR_clear_error();
  const auto done = SSL_do_handshake(tls_.get());
  if (done == 1) return check_protocol();
  if (SSL_get_error(tls_.get(), done) == SSL_ERROR_WANT_READ) return {};
  return failed("TLS handshake");
}

Result<void> TlsChannel::check_protocol() {
  const unsigned char* chosen = nullptr;
  unsigned bytes = 0;
  SSL_get0_alpn_selected(tls_.get(), &chosen, &bytes);
  state_ = bytes > 0 || opening_ == TlsOpening::Requested ? State::Open : State::Failed;
  if (state_ == State::Open) return {};
  return fail(ErrorCode::ConnectionFailed,
              "TLS without a request before it, and without the ALPN protocol \"postgresql\"");
}

Result<void> TlsChannel::send(ByteSpan plaintext, ByteBuffer& out) {
  CHECK(state_ == State::Open);
  if (plaintext.empty()) return {};
  BufferEnds ends{{}, out};
  const AttachedEnds attached(tls_.get(), ends);
  ERR_clear_error();
  std::size_t bytes = 0;
  if (SSL_write_ex(tls_.get(), plaintext.data(), plaintext.size(), &bytes) == 1) return {};
  return failed("TLS");
}

void TlsChannel::close(ByteBuffer& out) {
  if (state_ != State::Open && state_ != State::Closed) return;
  BufferEnds ends{{}, out};
  const AttachedEnds attached(tls_.get(), ends);
  SSL_shutdown(tls_.get());
  ERR_clear_error();
}

std::unexpected<Error> TlsChannel::failed(std::string_view what) {
  state_ = State::Failed;
  const auto verified = SSL_get_verify_result(tls_.get());
  const auto reason = take_tls_reason();
  if (verified != X509_V_OK && SSL_get_verify_mode(tls_.get()) != SSL_VERIFY_NONE)
    return fail(ErrorCode::AuthFailed, fmt::format("{}: the peer's certificate is not trusted: {}",
                                                   what, X509_verify_cert_error_string(verified)));
  return fail(ErrorCode::ConnectionFailed, fmt::format("{}: {}", what, reason));
}

std::string TlsChannel::peer_end_point() const {
  return end_point_of(SSL_get0_peer_certificate(tls_.get()));
}

std::string TlsChannel::cipher() const {
  return fmt::format("{}/{}", SSL_get_version(tls_.get()), SSL_get_cipher_name(tls_.get()));
}

std::optional<std::string> TlsChannel::peer_common_name() const {
  auto* certificate = SSL_get0_peer_certificate(tls_.get());
  if (certificate == nullptr) return std::nullopt;
  auto* subject = X509_get_subject_name(certificate);
  const auto at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  auto* entry = at < 0 ? nullptr : X509_NAME_get_entry(subject, at);
  unsigned char* utf8 = nullptr;
  const auto bytes =
      entry == nullptr ? -1 : ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
  if (bytes < 0) return std::nullopt;
  std::string name(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(bytes));
  OPENSSL_free(utf8);
  if (name.contains('\0')) return std::nullopt;
  return name;
}

}  // namespace pgkeel::gateway
