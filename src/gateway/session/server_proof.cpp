// See server_proof.hpp.
#include "gateway/session/server_proof.hpp"

#include <fmt/format.h>

#include "pg/password_answer.hpp"
#include "pg/wire/frontend_messages.hpp"

namespace pgkeel::gateway {
namespace {

using pg::wire::ByteBuffer;
using Kind = pg::wire::backend::Authentication::Kind;
namespace frontend = pg::wire::frontend;

std::unexpected<ServerFailure> failure(ServerTrouble trouble, std::string message) {
  return std::unexpected(ServerFailure{.trouble = trouble, .message = std::move(message)});
}

std::unexpected<ServerFailure> no_credentials(Kind kind) {
  return failure(ServerTrouble::NoCredentials,
                 fmt::format("the server asks for authentication by {}, and nothing known of the "
                             "user answers that",
                             to_string(kind)));
}

std::unexpected<ServerFailure> failure_of(const Error& error) {
  return failure(
      error.code == ErrorCode::AuthFailed ? ServerTrouble::NotItself : ServerTrouble::Protocol,
      error.detail);
}

}  // namespace

ServerProof::ServerProof(std::string user, ServerCredentials credentials, ClearPassword clear,
                         std::string nonce)
    : user_(std::move(user)),
      credentials_(std::move(credentials)),
      clear_(clear),
      nonce_(std::move(nonce)) {}

ServerProof::Answer ServerProof::take(const pg::wire::backend::Authentication& request,
                                      const EndPoint& end_point, ByteBuffer& out) {
  if (next_ == Next::Challenge && request.kind == Kind::SaslContinue)
    return take_challenge(request.bytes, out);
  if (next_ == Next::Signature && request.kind == Kind::SaslFinal)
    return take_signature(request.bytes);
  if (next_ != Next::Request)
    return failure(ServerTrouble::Protocol,
                   fmt::format("the server asks for authentication by {} within another",
                               to_string(request.kind)));
  switch (request.kind) {
    case Kind::CleartextPassword: return take_clear(end_point, out);
    case Kind::Md5Password: return take_md5(request.bytes, out);
    case Kind::Sasl: return take_sasl(request.mechanisms, end_point, out);
    default: return no_credentials(request.kind);
  }
}

ServerProof::Answer ServerProof::take_clear(const EndPoint& end_point, ByteBuffer& out) {
  const auto* plain = std::get_if<PlainPassword>(&credentials_);
  if (plain == nullptr) return no_credentials(Kind::CleartextPassword);
  if (clear_ == ClearPassword::Never || (clear_ == ClearPassword::OverTls && !end_point))
    return failure(ServerTrouble::NoCredentials,
                   "the server asks for the password in clear, and that is not allowed here");
  append(out, frontend::Password{plain->text.view()});
  next_ = Next::Ok;
  return std::nullopt;
}

ServerProof::Answer ServerProof::take_md5(std::string_view salt, ByteBuffer& out) {
  const auto* stored = std::get_if<Md5Verifier>(&credentials_);
  const auto* plain = std::get_if<PlainPassword>(&credentials_);
  if (stored == nullptr && plain == nullptr) return no_credentials(Kind::Md5Password);
  const auto verifier = stored != nullptr ? Result<std::string>(stored->text.view())
                                          : pg::md5_verifier(user_, plain->text.view());
  const auto answer = verifier ? pg::md5_answer(*verifier, salt) : verifier;
  if (!answer) return failure(ServerTrouble::NoCredentials, answer.error().detail);
  append(out, frontend::Password{*answer});
  next_ = Next::Ok;
  return std::nullopt;
}

ServerProof::Answer ServerProof::take_sasl(const pg::wire::WireList<std::string_view>& mechanisms,
                                           const EndPoint& end_point, ByteBuffer& out) {
  if (!std::holds_alternative<ScramPass>(credentials_) &&
      !std::holds_alternative<PlainPassword>(credentials_))
    return no_credentials(Kind::Sasl);
  const auto choice = pg::choose_scram(mechanisms, end_point.value_or(""));
  if (!choice) return failure(ServerTrouble::NoCredentials, choice.error().detail);
  scram_.emplace(choice->binding, nonce_, end_point.value_or(""));
  append(out, frontend::SaslInitialResponse{choice->mechanism, scram_->first()});
  next_ = Next::Challenge;
  return std::nullopt;
}

ServerProof::Answer ServerProof::take_challenge(std::string_view text, ByteBuffer& out) {
  const auto challenge = scram_->challenge(text);
  if (!challenge) return failure_of(challenge.error());
  next_ = Next::Keys;
  if (const auto* plain = std::get_if<PlainPassword>(&credentials_))
    return DeriveKeys{plain->text, challenge->salt, challenge->iterations};
  const auto& pass = std::get<ScramPass>(credentials_);
  if (pass.salt != challenge->salt || pass.iterations != challenge->iterations)
    return failure(ServerTrouble::StaleVerifier,
                   "the server has another verifier of the user than the keys are of");
  answer(pass.keys, out);
  return std::nullopt;
}

void ServerProof::answer(const pg::ScramKeys& keys, ByteBuffer& out) {
  CHECK(next_ == Next::Keys);
  append(out, frontend::SaslResponse{scram_->final(keys)});
  next_ = Next::Signature;
}

ServerProof::Answer ServerProof::take_signature(std::string_view signature) {
  if (const auto checked = scram_->check(signature); !checked) return failure_of(checked.error());
  next_ = Next::Ok;
  return std::nullopt;
}

}  // namespace pgkeel::gateway
