// See client_login.hpp.
#include "gateway/session/client_login.hpp"

#include <fmt/format.h>

namespace pgkeel::gateway {
namespace {

using pg::wire::ByteBuffer;
using pg::wire::ProtocolVersion;

constexpr std::byte kYes{'S'};
constexpr std::byte kNo{'N'};
/// The packet's length and code, which precede everything else of it.
constexpr std::size_t kOpeningBytes = 8;

Refusal unsupported_version(ProtocolVersion version, std::uint16_t newest_minor) {
  return {.sqlstate = sqlstate::kNotSupported,
          .message = fmt::format("unsupported frontend protocol {}.{}: server supports 3.0 to 3.{}",
                                 version.major, version.minor, newest_minor)};
}

Refusal injected(std::string_view request) {
  return {.sqlstate = sqlstate::kProtocolViolation,
          .message = fmt::format("received unencrypted data after {} request", request),
          .detail =
              "This could be either a client-software bug or evidence of an attempted "
              "man-in-the-middle attack."};
}

}  // namespace

ClientStep ClientLogin::resume(ByteSpan bytes, ByteBuffer& out) {
  CHECK(state_ == State::Startup || state_ == State::Proving);
  if (!heard_ && pg::wire::begins_tls(bytes)) return begin_direct();
  heard_ = heard_ || !bytes.empty();
  reader_.feed(bytes);
  return state_ == State::Startup ? advance_startup(out) : advance_proof(out);
}

ClientStep ClientLogin::begin_direct() {
  heard_ = true;
  state_ = terms_.tls == ClientTls::Off ? State::Ended : State::AwaitTls;
  if (state_ == State::AwaitTls) return BeginTls{TlsOpening::Direct};
  // As the server does: nothing is said, for what speaks TLS reads no ErrorResponse.
  return ClientRefused{{.sqlstate = sqlstate::kProtocolViolation,
                        .message = "received direct SSL connection request, and there is no SSL"}};
}

void ClientLogin::begun_tls(std::string end_point) {
  CHECK(state_ == State::AwaitTls);
  state_ = State::Startup;
  channel_ = Channel::Tls;
  end_point_ = std::move(end_point);
}

ClientStep ClientLogin::advance_startup(ByteBuffer& out) {
  while (true) {
    const auto packet = reader_.next_startup();
    if (!packet) return refuse(startup_refusal(), out);
    if (!*packet) return NeedBytes{};
    auto step = std::visit([&](const auto& asked) { return take(asked, out); }, **packet);
    if (step) return *std::move(step);
  }
}

// Why the packet in front could not be taken, in the order ProcessStartupPacket() looks.
Refusal ClientLogin::startup_refusal() const {
  const auto bytes = pg::wire::startup_bytes(left());
  if (!bytes || left().size() < kOpeningBytes)
    return {.sqlstate = sqlstate::kProtocolViolation,
            .message = "invalid length of startup packet"};
  const auto code = left().subspan(pg::wire::kLengthBytes);
  const auto version = ProtocolVersion::of(pg::wire::FieldReader(code).number<std::uint32_t>());
  if (version.major == 3)
    return {.sqlstate = sqlstate::kProtocolViolation,
            .message = "invalid startup packet layout: expected terminator as last byte"};
  return unsupported_version(version, terms_.newest_minor);
}

ClientLogin::Answer ClientLogin::take(pg::wire::TlsRequest, ByteBuffer& out) {
  constexpr ProtocolVersion kAsVersion{1234, 5679};
  if (tls_asked_) return refuse(unsupported_version(kAsVersion, terms_.newest_minor), out);
  tls_asked_ = true;
  if (!left().empty()) return refuse(injected("SSL"), out);
  if (terms_.tls == ClientTls::Off || channel_ == Channel::Tls) {
    out.push_back(kNo);
    return NeedBytes{};
  }
  out.push_back(kYes);
  gss_asked_ = true;  // no other encryption inside of this one
  state_ = State::AwaitTls;
  return BeginTls{TlsOpening::Requested};
}

ClientLogin::Answer ClientLogin::take(pg::wire::GssEncryptionRequest, ByteBuffer& out) {
  constexpr ProtocolVersion kAsVersion{1234, 5680};
  if (gss_asked_) return refuse(unsupported_version(kAsVersion, terms_.newest_minor), out);
  gss_asked_ = true;
  if (!left().empty()) return refuse(injected("GSSAPI encryption"), out);
  out.push_back(kNo);
  return NeedBytes{};
}

ClientLogin::Answer ClientLogin::take(const pg::wire::CancelRequest& request, ByteBuffer&) {
  state_ = State::Ended;
  return CancelAsked{request.process_id, std::string(request.key)};
}

ClientLogin::Answer ClientLogin::take(const pg::wire::StartupMessage& startup, ByteBuffer& out) {
  const auto agreed = pg::wire::negotiate(startup, terms_.newest_minor);
  if (agreed.must_be_told(startup)) pg::wire::append_negotiation(out, startup, agreed);
  version_ = agreed.version;
  if (terms_.tls == ClientTls::Require && channel_ == Channel::Clear)
    return refuse({.sqlstate = sqlstate::kInvalidAuthorization,
                   .message = "connections without SSL are not allowed here",
                   .hint = "Connect with sslmode=require."},
                  out);
  auto request = read_client_request(startup);
  if (!request) return refuse(std::move(request).error(), out);
  request_ = *std::move(request);
  if (left().size() > kHeldBytesMost)
    return refuse(
        {.sqlstate = sqlstate::kProtocolViolation,
         .message = fmt::format("more than {} bytes before authentication", kHeldBytesMost)},
        out);
  state_ = State::AwaitVerifier;
  return FindVerifier{request_.user, request_.database};
}

ClientStep ClientLogin::resume_with(ClientVerifier verifier, ByteBuffer& out) {
  return prove(std::move(verifier), out);
}

ClientStep ClientLogin::resume_without(ByteBuffer& out) {
  return prove(pg::mock_scram_verifier(request_.user, terms_.mock_seed, terms_.mock_iterations),
               out);
}

ClientStep ClientLogin::prove(ClientVerifier verifier, ByteBuffer& out) {
  CHECK(state_ == State::AwaitVerifier);
  state_ = State::Proving;
  proof_.emplace(request_.user, std::move(verifier), challenge_, end_point_);
  if (const auto proof = proof_->ask(out)) return proven(*proof);
  return advance_proof(out);
}

ClientStep ClientLogin::advance_proof(ByteBuffer& out) {
  while (true) {
    const auto message = reader_.next();
    if (!message)
      return refuse({.sqlstate = sqlstate::kProtocolViolation,
                     .message = "invalid message during authentication",
                     .detail = message.error().detail},
                    out);
    if (!*message) return NeedBytes{};
    auto taken = proof_->take(**message, out);
    if (!taken) return refuse(std::move(taken).error(), out);
    if (*taken) return proven(**taken);
  }
}

ClientStep ClientLogin::proven(const Proof& proof) {
  state_ = State::Ended;
  return ClientProven{std::move(request_), version_, proof.keys};
}

ClientStep ClientLogin::refuse(Refusal refusal, ByteBuffer& out) {
  if (state_ != State::AwaitTls) append(out, refusal);
  state_ = State::Ended;
  return ClientRefused{std::move(refusal)};
}

}  // namespace pgkeel::gateway
