// Keys that seal an archive. A key is 32 random bytes, kept by the user in a file (64 hex digits or
// 44 base64 characters, one line) or the environment. Its id says which key sealed an object and
// reveals nothing of it. Rotation: the first key of the ring seals, all of them open.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace pgkeel::archive {

struct ArchiveKey {
  std::array<std::byte, 32> bytes{};
  [[nodiscard]] std::array<std::byte, 8> id_bytes() const;
  [[nodiscard]] std::string id() const;  ///< 16 hex digits
};

class KeyRing {
 public:
  KeyRing() = default;
  explicit KeyRing(std::vector<ArchiveKey> keys) : keys_(std::move(keys)) {}
  [[nodiscard]] const ArchiveKey* find(std::string_view id) const;
  [[nodiscard]] const ArchiveKey* sealing() const {
    return keys_.empty() ? nullptr : &keys_.front();
  }
  [[nodiscard]] std::span<const ArchiveKey> keys() const { return keys_; }

 private:
  std::vector<ArchiveKey> keys_;
};

/// One key a line, the newest first; "#" starts a comment. ConfigUnreadable, ConfigBadValue with
/// the line's number (never its content); Permission when others may read the file.
[[nodiscard]] Result<KeyRing> read_key_file(const std::filesystem::path& path);
/// 64 hex digits or 44 base64 characters; ConfigBadValue, which never repeats the text.
[[nodiscard]] Result<ArchiveKey> parse_key(std::string_view text);
/// A fresh random key and its text in a key file.
[[nodiscard]] ArchiveKey generate_key();
[[nodiscard]] std::string to_text(const ArchiveKey& key);

}  // namespace pgkeel::archive
