// The id is derived from the key with HKDF under a purpose of its own, so it can stand in the open.
#include "archive/codec/key.hpp"

#include <openssl/evp.h>
#include <sys/stat.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include <fmt/format.h>

#include "archive/codec/crypto.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::size_t kHexDigits = 64;
constexpr std::size_t kBase64Characters = 44;
constexpr std::size_t kKeyFileBytesMax = 64U << 10U;  // hundreds of rotated keys with comments
constexpr const char* kIdInfo = "pgkeel key id 1";
constexpr const char* kBlank = " \t\r\n";

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<ArchiveKey> from_hex(std::string_view text) {
  ArchiveKey key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) {
    const auto high = hex_digit(text[2 * i]);
    const auto low = hex_digit(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    key.bytes[i] = static_cast<std::byte>(*high << 4U | *low);
  }
  return key;
}

std::optional<ArchiveKey> from_base64(std::string_view text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.back() != '=' || text.find_first_not_of(kAlphabet) != kBase64Characters - 1)
    return std::nullopt;
  std::array<unsigned char, 33> decoded{};  // with the byte that "=" stands for
  if (EVP_DecodeBlock(decoded.data(), reinterpret_cast<const unsigned char*>(text.data()),
                      static_cast<int>(text.size())) != static_cast<int>(decoded.size()))
    return std::nullopt;
  ArchiveKey key;
  std::memcpy(key.bytes.data(), decoded.data(), key.bytes.size());
  forget(std::as_writable_bytes(std::span(decoded)));
  return key;
}

std::string_view trimmed(std::string_view line) {
  line = line.substr(0, line.find('#'));
  const auto from = line.find_first_not_of(kBlank);
  if (from == std::string_view::npos) return {};
  return line.substr(from, line.find_last_not_of(kBlank) - from + 1);
}

Result<void> check_privacy(const std::filesystem::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0)
    return fail(Error(ErrorCode::ConfigUnreadable,
                      fmt::format("key file {}: {}", path.native(), std::strerror(errno))));
  if ((info.st_mode & (S_IROTH | S_IWOTH | S_IWGRP)) != 0)
    return fail(Error(ErrorCode::Permission,
                      fmt::format("key file {} may be read or changed by others", path.native()))
                    .with_hint(fmt::format("Run 'chmod 600 {}'.", path.native())));
  return {};
}

Result<std::vector<ArchiveKey>> parse_keys(std::string_view text,
                                           const std::filesystem::path& path) {
  std::vector<ArchiveKey> keys;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    auto key = parse_key(line);
    if (!key)
      return fail(
          std::move(key).error().with_context(fmt::format("{} line {}", path.native(), number)));
    keys.push_back(*key);
  }
  return keys;
}

}  // namespace

std::array<std::byte, 8> ArchiveKey::id_bytes() const {
  const auto derived = hkdf_sha256(bytes, {}, kIdInfo);
  std::array<std::byte, 8> id{};
  std::copy_n(derived.begin(), id.size(), id.begin());
  return id;
}

std::string ArchiveKey::id() const { return to_hex(id_bytes()); }

const ArchiveKey* KeyRing::find(std::string_view id) const {
  const auto found = std::ranges::find_if(keys_, [&](const auto& key) { return key.id() == id; });
  return found == keys_.end() ? nullptr : &*found;
}

Result<ArchiveKey> parse_key(std::string_view text) {
  std::optional<ArchiveKey> key;
  if (text.size() == kHexDigits) key = from_hex(text);
  if (text.size() == kBase64Characters) key = from_base64(text);
  if (!key)
    return fail(Error(ErrorCode::ConfigBadValue,
                      "an archive key is 64 hexadecimal digits or 44 characters of base64")
                    .with_hint("Make one with 'openssl rand -hex 32'."));
  return *key;
}

ArchiveKey generate_key() {
  ArchiveKey key;
  fill_random(key.bytes);
  return key;
}

std::string to_text(const ArchiveKey& key) { return to_hex(key.bytes); }

Result<KeyRing> read_key_file(const std::filesystem::path& path) {
  TRY_VOID(check_privacy(path));
  auto text = runtime::read_file(path, kKeyFileBytesMax);
  if (!text) {
    auto error = std::move(text).error();
    error.code = ErrorCode::ConfigUnreadable;
    return fail(std::move(error).with_context("key file"));
  }
  auto keys = parse_keys(*text, path);
  forget(std::as_writable_bytes(std::span(*text)));
  if (!keys) return fail(std::move(keys).error());
  if (keys->empty())
    return fail(Error(ErrorCode::ConfigBadValue, fmt::format("{} holds no key", path.native()))
                    .with_hint("Make one with 'openssl rand -hex 32'."));
  return KeyRing(std::move(*keys));
}

}  // namespace pgkeel::archive
