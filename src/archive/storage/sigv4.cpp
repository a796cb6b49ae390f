// See sigv4.hpp.
#include "archive/storage/sigv4.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <ctime>

#include <fmt/format.h>

#include "archive/codec/crypto.hpp"
#include "base/check.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::size_t kDayLength = 8;  // of "20130524T000000Z"

using Mac = std::array<std::byte, 32>;
using Md5 = std::array<std::byte, 16>;

Mac hmac_sha256(ByteSpan key, std::string_view text) {
  Mac mac{};
  unsigned length = mac.size();
  const auto* result = HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                            reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                            reinterpret_cast<unsigned char*>(mac.data()), &length);
  CHECK(result != nullptr && length == mac.size());
  return mac;
}

Md5 md5(ByteSpan bytes) {
  Md5 digest{};
  CHECK(EVP_Q_digest(nullptr, "MD5", nullptr, bytes.data(), bytes.size(),
                     reinterpret_cast<unsigned char*>(digest.data()), nullptr) == 1);
  return digest;
}

bool is_unreserved(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string encoded(std::string_view text, std::string_view kept) {
  std::string result;
  for (const char c : text) {
    if (is_unreserved(static_cast<unsigned char>(c)) || kept.contains(c)) result += c;
    else result += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

struct CanonicalHeaders {
  std::string lines;
  std::string names;
};

CanonicalHeaders canonical(NameValues headers) {
  std::ranges::sort(headers);
  CanonicalHeaders result;
  for (const auto& [name, value] : headers) {
    result.lines += fmt::format("{}:{}\n", name, trimmed(value));
    result.names += (result.names.empty() ? "" : ";") + name;
  }
  return result;
}

Mac signing_key(const SigningKey& key, std::string_view day) {
  auto secret = "AWS4" + key.secret_key;
  auto mac = hmac_sha256(std::as_bytes(std::span(secret)), day);
  forget(std::as_writable_bytes(std::span(secret)));
  for (const auto& part : {key.region, key.service, std::string("aws4_request")})
    mac = hmac_sha256(mac, part);
  return mac;
}

}  // namespace

std::string amz_date(WallTime time) {
  const auto seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<Seconds>(time));
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

std::string authorization(const SignedRequest& request, const SigningKey& key,
                          std::string_view date) {
  const auto headers = canonical(request.headers);
  const auto canonical_request =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, request.path, query_text(request.query),
                  headers.lines, headers.names, request.body_sha256);
  const auto day = date.substr(0, kDayLength);
  const auto scope = fmt::format("{}/{}/{}/aws4_request", day, key.region, key.service);
  const auto to_sign =
      fmt::format("{}\n{}\n{}\n{}", kAlgorithm, date, scope, sha256_hex(canonical_request));
  auto mac_key = signing_key(key, day);
  const auto signature = to_hex(hmac_sha256(mac_key, to_sign));
  forget(mac_key);
  return fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                     key.access_key, scope, headers.names, signature);
}

std::string query_text(NameValues query) {
  for (auto& [name, value] : query) {
    name = percent_encoded(name);
    value = percent_encoded(value);
  }
  std::ranges::sort(query);
  std::string text;
  for (const auto& [name, value] : query)
    text += fmt::format("{}{}={}", text.empty() ? "" : "&", name, value);
  return text;
}

std::string percent_encoded(std::string_view text) { return encoded(text, ""); }
std::string percent_encoded_path(std::string_view path) { return encoded(path, "/"); }

std::string md5_base64(ByteSpan bytes) {
  const auto digest = md5(bytes);
  std::array<char, 25> text{};  // 24 and the terminator EVP_EncodeBlock writes
  const auto length =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(digest.data()), digest.size());
  return {text.data(), static_cast<std::size_t>(length)};
}

std::string md5_hex(ByteSpan bytes) { return to_hex(md5(bytes)); }

}  // namespace pgkeel::archive
