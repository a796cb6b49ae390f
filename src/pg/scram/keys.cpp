// See keys.hpp.
#include "pg/scram/keys.hpp"

#include <charconv>
#include <optional>

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "pg/scram/base64.hpp"
#include "pg/scram/saslprep.hpp"

namespace pgkeel::pg {
namespace {

constexpr std::string_view kScheme = "SCRAM-SHA-256$";
/// SCRAM_DEFAULT_SALT_LEN.
constexpr std::size_t kMockSaltBytes = 16;

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* raw(ScramKey& key) { return reinterpret_cast<unsigned char*>(key.bytes().data()); }
const unsigned char* raw(const ScramKey& key) {
  return reinterpret_cast<const unsigned char*>(key.bytes().data());
}

/// What stands before the next `mark`, which is taken too.
std::optional<std::string_view> take_until(std::string_view& text, char mark) {
  const auto at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const auto part = text.substr(0, at);
  text.remove_prefix(at + 1);
  return part;
}

std::optional<ScramKey> key_of(std::optional<std::string_view> text) {
  const auto bytes = text ? from_base64(*text) : std::nullopt;
  if (!bytes || bytes->size() != ScramKey::kBytes) return std::nullopt;
  return ScramKey(std::as_bytes(std::span(*bytes)));
}

std::optional<std::uint32_t> iterations_of(std::optional<std::string_view> text) {
  std::uint32_t number = 0;
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  if (number == 0 || number > kScramIterationsMost) return std::nullopt;
  return number;
}

}  // namespace

Result<ScramVerifier> parse_scram_verifier(std::string_view text) {
  const auto malformed = fail(ErrorCode::Malformed, "no SCRAM-SHA-256 verifier");
  if (!text.starts_with(kScheme)) return malformed;
  text.remove_prefix(kScheme.size());
  const auto iterations = iterations_of(take_until(text, ':'));
  const auto salt_text = take_until(text, '$');
  const auto salt = salt_text ? from_base64(*salt_text) : std::nullopt;
  const auto stored_key = key_of(take_until(text, ':'));
  const auto server_key = key_of(text);
  if (!iterations || !salt || !stored_key || !server_key) return malformed;
  if (salt->empty() || salt->size() > kScramSaltBytesMost) return malformed;
  return ScramVerifier{*iterations, *salt, *stored_key, *server_key};
}

std::string format_scram_verifier(const ScramVerifier& verifier) {
  return fmt::format("{}{}:{}${}:{}", kScheme, verifier.iterations,
                     to_base64(std::as_bytes(std::span(verifier.salt))),
                     to_base64(verifier.stored_key.bytes()),
                     to_base64(verifier.server_key.bytes()));
}

ScramKey scram_hmac(const ScramKey& key, std::string_view text) {
  ScramKey code;
  CHECK(HMAC(EVP_sha256(), raw(key), ScramKey::kBytes, raw(text), text.size(), raw(code),
             nullptr) != nullptr);
  return code;
}

ScramKey scram_hash(const ScramKey& key) {
  ScramKey hash;
  SHA256(raw(key), ScramKey::kBytes, raw(hash));
  return hash;
}

ScramKey scram_xor(const ScramKey& a, const ScramKey& b) {
  auto both = a;
  for (std::size_t i = 0; i < ScramKey::kBytes; ++i) both.bytes()[i] ^= b.bytes()[i];
  return both;
}

Result<ScramKeys> derive_scram_keys(std::string_view password, std::string_view salt,
                                    std::uint32_t iterations) {
  if (iterations == 0 || iterations > kScramIterationsMost)
    return fail(ErrorCode::Malformed, fmt::format("a SCRAM iteration count of {}", iterations));
  if (salt.empty() || salt.size() > kScramSaltBytesMost)
    return fail(ErrorCode::Malformed, fmt::format("a SCRAM salt of {} bytes", salt.size()));
  const auto prepared = saslprep_or_raw(password);
  ScramKey salted;
  if (PKCS5_PBKDF2_HMAC(prepared.view().data(), static_cast<int>(prepared.view().size()), raw(salt),
                        static_cast<int>(salt.size()), static_cast<int>(iterations), EVP_sha256(),
                        ScramKey::kBytes, raw(salted)) != 1)
    return fail(ErrorCode::Failed, "could not derive the SCRAM keys");
  return ScramKeys{scram_hmac(salted, "Client Key"), scram_hmac(salted, "Server Key")};
}

ScramVerifier scram_verifier_of(const ScramKeys& keys, std::string_view salt,
                                std::uint32_t iterations) {
  return {iterations, std::string(salt), scram_hash(keys.client_key), keys.server_key};
}

// Keys that are no hash of anything known make a proof for them as hard to find as for any other,
// so that the exchange needs no case of its own.
ScramVerifier mock_scram_verifier(std::string_view user, const ScramKey& seed,
                                  std::uint32_t iterations) {
  const auto derived = [&](std::string_view what) {
    return scram_hmac(seed, fmt::format("{} {}", what, user));
  };
  const auto salt = derived("salt");
  const auto bytes = salt.bytes().first<kMockSaltBytes>();
  return {iterations, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()),
          derived("stored"), derived("server")};
}

}  // namespace pgkeel::pg
