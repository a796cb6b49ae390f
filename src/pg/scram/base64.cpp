// See base64.hpp.
#include "pg/scram/base64.hpp"

#include <openssl/evp.h>

#include "base/check.hpp"

namespace pgkeel::pg {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Far more than any message of SCRAM; keeps OpenSSL's int lengths out of reach.
constexpr std::size_t kBytesMost = 1U << 20U;

}  // namespace

std::string to_base64(ByteSpan bytes) {
  CHECK(bytes.size() <= kBytesMost);
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const auto length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                      reinterpret_cast<const unsigned char*>(bytes.data()),
                                      static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

// EVP_DecodeBlock() forgives white space and padding anywhere, so what may stand where is looked at
// first.
std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0 || text.size() > kBytesMost) return std::nullopt;
  const auto padding = text.ends_with("==") ? 2U : text.ends_with("=") ? 1U : 0U;
  const auto plain = text.substr(0, text.size() - padding);
  if (plain.find_first_not_of(kAlphabet) != std::string_view::npos) return std::nullopt;
  std::string bytes(text.size() / 4 * 3, '\0');
  const auto length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                      reinterpret_cast<const unsigned char*>(text.data()),
                                      static_cast<int>(text.size()));
  if (length < 0) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(length) - padding);
  return bytes;
}

}  // namespace pgkeel::pg
