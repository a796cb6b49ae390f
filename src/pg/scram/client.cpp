// See client.hpp.
#include "pg/scram/client.hpp"

#include <charconv>

#include <fmt/format.h>

#include "pg/scram/base64.hpp"

namespace pgkeel::pg {
namespace {

/// A name with its commas and equal signs escaped (saslname of RFC 5802).
std::string sasl_name(std::string_view user) {
  std::string name;
  for (const char c : user) {
    if (c == ',') name += "=2C";
    else if (c == '=') name += "=3D";
    else name += c;
  }
  return name;
}

Result<std::uint32_t> iterations_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number == 0 ||
      number > kScramIterationsMost)
    return fail(ErrorCode::Malformed,
                fmt::format("a SCRAM iteration count that is not 1 to {}", kScramIterationsMost));
  return number;
}

}  // namespace

ScramClient::ScramClient(ScramBinding binding, std::string nonce, std::string end_point,
                         std::string_view user)
    : nonce_(std::move(nonce)) {
  const auto binds = binding == ScramBinding::EndPoint;
  CHECK(is_scram_printable(nonce_) && binds <= !end_point.empty());
  header_ = binds ? fmt::format("p={},,", kServerEndPoint)
                  : fmt::format("{},,", static_cast<char>(binding));
  binding_ = scram_binding(header_, binds ? std::string_view(end_point) : "");
  first_bare_ = fmt::format("n={},r={}", sasl_name(user), nonce_);
}

std::string ScramClient::first() const { return header_ + first_bare_; }

Result<ScramChallenge> ScramClient::challenge(std::string_view server_first) {
  CHECK(server_first_.empty());
  TRY(reader, ScramReader::create(server_first));
  TRY(nonce, reader.value('r'));
  if (!nonce.starts_with(nonce_) || nonce.size() == nonce_.size() || !is_scram_printable(nonce))
    return fail(ErrorCode::Malformed, "a SCRAM nonce that is not ours");
  TRY(salt_text, reader.value('s'));
  const auto salt = from_base64(salt_text);
  if (!salt || salt->empty() || salt->size() > kScramSaltBytesMost)
    return fail(ErrorCode::Malformed, "a SCRAM salt that is none");
  TRY(count, reader.value('i'));
  TRY(iterations, iterations_of(count));
  TRY_VOID(reader.finish());
  nonce_ = nonce;
  server_first_ = server_first;
  return ScramChallenge{*salt, iterations};
}

std::string ScramClient::final(const ScramKeys& keys) {
  CHECK(!server_first_.empty() && !asked_);
  asked_ = true;
  const auto without_proof = fmt::format("c={},r={}", binding_, nonce_);
  const auto exchange = fmt::format("{},{},{}", first_bare_, server_first_, without_proof);
  signature_ = scram_hmac(keys.server_key, exchange);
  const auto proof = scram_xor(keys.client_key, scram_hmac(scram_hash(keys.client_key), exchange));
  return fmt::format("{},p={}", without_proof, to_base64(proof.bytes()));
}

Result<void> ScramClient::check(std::string_view server_final) const {
  CHECK(asked_);
  TRY(reader, ScramReader::create(server_final));
  if (server_final.starts_with('e')) {
    TRY(reason, reader.value('e'));
    return fail(ErrorCode::AuthFailed,
                fmt::format("the server refused the SCRAM proof: {}", reason));
  }
  TRY(value, reader.value('v'));
  TRY_VOID(reader.finish());
  TRY(signature, scram_key_of(value));
  if (!(signature == signature_))
    return fail(ErrorCode::AuthFailed, "the server does not know the user's SCRAM verifier");
  return {};
}

}  // namespace pgkeel::pg
