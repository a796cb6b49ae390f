// See server.hpp.
#include "pg/scram/server.hpp"

#include <array>

#include <fmt/format.h>

#include "pg/scram/base64.hpp"

namespace pgkeel::pg {
namespace {

constexpr std::array kMechanisms = {kScramSha256Plus, kScramSha256};
constexpr std::string_view kBindsEndPoint = "p=tls-server-end-point,";

}  // namespace

std::span<const std::string_view> scram_mechanisms(std::string_view end_point) {
  return std::span(kMechanisms).subspan(end_point.empty() ? 1 : 0);
}

ScramServer::ScramServer(ScramVerifier verifier, std::string nonce, std::string end_point)
    : verifier_(std::move(verifier)), nonce_(std::move(nonce)), end_point_(std::move(end_point)) {
  CHECK(is_scram_printable(nonce_));
}

// The GS2 header: "n" cannot bind, "y" could but thinks that we cannot, "p" does.
Result<void> ScramServer::take_header(std::string_view mechanism, ScramReader& reader) {
  const auto plus = mechanism == kScramSha256Plus;
  if ((plus && end_point_.empty()) || (!plus && mechanism != kScramSha256))
    return fail(ErrorCode::Refused, "a SASL mechanism that was not offered");
  const auto message = reader.rest();
  if (plus != message.starts_with('p'))
    return fail(ErrorCode::Malformed,
                "a SCRAM message whose channel binding is not its mechanism's");
  if (plus && !reader.skip(kBindsEndPoint))
    return fail(ErrorCode::NotSupported, "a kind of SCRAM channel binding that nobody offered");
  if (message.starts_with("y,") && !end_point_.empty())
    return fail(ErrorCode::Refused, "a client that thinks SCRAM channel binding is not offered");
  if (!plus && !reader.skip("n,") && !reader.skip("y,"))
    return fail(ErrorCode::Malformed, "a SCRAM message without its channel binding");
  if (reader.rest().starts_with('a'))
    return fail(ErrorCode::NotSupported, "a SCRAM authorization identity");
  if (!reader.skip(",")) return fail(ErrorCode::Malformed, "a SCRAM message without its header");
  const auto header = message.substr(0, message.size() - reader.rest().size());
  binding_ = scram_binding(header, plus ? std::string_view(end_point_) : "");
  return {};
}

Result<std::string> ScramServer::first(std::string_view mechanism, std::string_view client_first) {
  CHECK(server_first_.empty());
  TRY(reader, ScramReader::create(client_first));
  TRY_VOID(take_header(mechanism, reader));
  client_first_bare_ = reader.rest();
  if (reader.rest().starts_with('m'))
    return fail(ErrorCode::NotSupported, "a SCRAM extension that must be understood");
  TRY_VOID(reader.value('n'));  // the startup packet's counts
  TRY(client_nonce, reader.value('r'));
  if (!is_scram_printable(client_nonce))
    return fail(ErrorCode::Malformed, "a SCRAM nonce that cannot be printed");
  while (!reader.rest().empty()) TRY_VOID(reader.any());
  nonce_ = fmt::format("{}{}", client_nonce, nonce_);
  server_first_ =
      fmt::format("r={},s={},i={}", nonce_, to_base64(std::as_bytes(std::span(verifier_.salt))),
                  verifier_.iterations);
  return server_first_;
}

Result<ScramServer::Proven> ScramServer::final(std::string_view client_final) const {
  CHECK(!server_first_.empty());
  TRY(reader, ScramReader::create(client_final));
  TRY(binding, reader.value('c'));
  if (binding != binding_)
    return fail(ErrorCode::Malformed, "a SCRAM channel binding that is not that of the channel");
  TRY(nonce, reader.value('r'));
  if (nonce != nonce_) return fail(ErrorCode::Malformed, "a SCRAM nonce that is not ours");
  auto without_proof = client_final;
  ScramAttribute attribute;
  while (attribute.name != 'p') {
    without_proof = client_final.substr(0, client_final.size() - reader.rest().size() - 1);
    TRY(next, reader.any());
    attribute = next;
  }
  TRY_VOID(reader.finish());
  TRY(proof, scram_key_of(attribute.value));

  const auto exchange = fmt::format("{},{},{}", client_first_bare_, server_first_, without_proof);
  ScramKeys keys{scram_xor(proof, scram_hmac(verifier_.stored_key, exchange)),
                 verifier_.server_key};
  if (!(scram_hash(keys.client_key) == verifier_.stored_key))
    return fail(ErrorCode::AuthFailed, "the password is wrong");
  const auto signature = scram_hmac(verifier_.server_key, exchange);
  return Proven{fmt::format("v={}", to_base64(signature.bytes())), keys};
}

}  // namespace pgkeel::pg
