// See client_proof.hpp.
#include "gateway/session/client_proof.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "pg/password_answer.hpp"
#include "pg/wire/frontend_messages.hpp"

namespace pgkeel::gateway {
namespace {

using pg::wire::ByteBuffer;
using pg::wire::backend::Authentication;
namespace backend = pg::wire::backend;
namespace frontend = pg::wire::frontend;

// The wording is the server's, from auth.c, auth-sasl.c and auth-scram.c.
Refusal malformed(std::string_view message, std::string detail = {}) {
  return {.sqlstate = sqlstate::kProtocolViolation,
          .message = std::string(message),
          .detail = std::move(detail)};
}

/// Of ScramServer's errors but the wrong password.
Refusal scram_refusal(const Error& error) {
  if (error.code == ErrorCode::Refused)
    return {.sqlstate = sqlstate::kInvalidAuthorization,
            .message = "SCRAM channel binding negotiation error",
            .detail =
                "The client supports SCRAM channel binding but thinks the server does not.  "
                "However, this server does support channel binding."};
  if (error.code == ErrorCode::NotSupported)
    return {.sqlstate = sqlstate::kNotSupported,
            .message = "unsupported SCRAM message",
            .detail = error.detail};
  return malformed("malformed SCRAM message", error.detail);
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

ClientProof::ClientProof(std::string_view user, ClientVerifier verifier,
                         const ProofChallenge& challenge, std::string end_point)
    : user_(user) {
  if (auto* scram = std::get_if<pg::ScramVerifier>(&verifier))
    method_ =
        Scram{pg::ScramServer(std::move(*scram), challenge.nonce, end_point), std::move(end_point)};
  else if (auto* md5 = std::get_if<Md5Verifier>(&verifier))
    method_ = Md5{std::move(*md5), challenge.md5_salt};
}

std::optional<Proof> ClientProof::ask(ByteBuffer& out) {
  if (const auto* scram = std::get_if<Scram>(&method_))
    backend::append_sasl(out, pg::scram_mechanisms(scram->end_point));
  else if (const auto* md5 = std::get_if<Md5>(&method_))
    backend::append_authentication(out, Authentication::Kind::Md5Password,
                                   pg::wire::text_of(md5->salt));
  else return Proof{};
  return std::nullopt;
}

ClientProof::Taken ClientProof::take(const pg::wire::Message& message, ByteBuffer& out) {
  auto* scram = std::get_if<Scram>(&method_);
  if (message.type != frontend::kPasswordType)
    return std::unexpected(malformed(fmt::format(
        "expected {} response, got message type {}", scram != nullptr ? "SASL" : "password",
        static_cast<int>(static_cast<unsigned char>(message.type)))));
  if (scram != nullptr) return take_scram(*scram, message.body, out);
  const auto* md5 = std::get_if<Md5>(&method_);
  CHECK(md5 != nullptr);
  return take_md5(*md5, message.body);
}

ClientProof::Taken ClientProof::take_md5(const Md5& md5, ByteSpan body) {
  const auto answer = frontend::Password::decode(body);
  if (!answer) return std::unexpected(malformed("invalid password packet size"));
  if (answer->password.empty())
    return std::unexpected(Refusal{.sqlstate = sqlstate::kInvalidPassword,
                                   .message = "empty password returned by client"});
  const auto right = pg::md5_answer(md5.verifier.text.view(), pg::wire::text_of(md5.salt));
  if (!right || !same(answer->password, *right)) return std::unexpected(wrong_password());
  return Proof{};
}

ClientProof::Taken ClientProof::take_scram(Scram& scram, ByteSpan body, ByteBuffer& out) {
  switch (scram.next) {
    case Scram::Next::Mechanism: return take_mechanism(scram, body, out);
    case Scram::Next::First: return take_first(scram, pg::wire::text_of(body), out);
    case Scram::Next::Final: return take_final(scram, pg::wire::text_of(body), out);
  }
  return std::nullopt;
}

ClientProof::Taken ClientProof::take_mechanism(Scram& scram, ByteSpan body, ByteBuffer& out) {
  const auto opening = frontend::SaslInitialResponse::decode(body);
  if (!opening) return std::unexpected(malformed("malformed SASL message"));
  const auto offered = pg::scram_mechanisms(scram.end_point);
  if (std::ranges::find(offered, opening->mechanism) == offered.end())
    return std::unexpected(malformed("client selected an invalid SASL authentication mechanism"));
  scram.mechanism = opening->mechanism;
  if (opening->response) return take_first(scram, *opening->response, out);
  // A client may let the server begin, which then has nothing to say.
  backend::append_authentication(out, Authentication::Kind::SaslContinue);
  scram.next = Scram::Next::First;
  return std::nullopt;
}

ClientProof::Taken ClientProof::take_first(Scram& scram, std::string_view first, ByteBuffer& out) {
  const auto challenge = scram.server.first(scram.mechanism, first);
  if (!challenge) return std::unexpected(scram_refusal(challenge.error()));
  backend::append_authentication(out, Authentication::Kind::SaslContinue, *challenge);
  scram.next = Scram::Next::Final;
  return std::nullopt;
}

ClientProof::Taken ClientProof::take_final(Scram& scram, std::string_view final, ByteBuffer& out) {
  const auto proven = scram.server.final(final);
  if (!proven)
    return std::unexpected(proven.error().code == ErrorCode::AuthFailed
                               ? wrong_password()
                               : scram_refusal(proven.error()));
  backend::append_authentication(out, Authentication::Kind::SaslFinal, proven->server_final);
  return Proof{proven->keys};
}

Refusal ClientProof::wrong_password() const {
  return {.sqlstate = sqlstate::kInvalidPassword,
          .message = fmt::format(R"(password authentication failed for user "{}")", user_)};
}

}  // namespace pgkeel::gateway
