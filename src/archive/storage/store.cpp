// What is the same for every store: which keys there may be, and small objects read and written
// whole.
#include "archive/storage/store.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace pgkeel::archive {
namespace {

constexpr std::size_t kKeyBytesMax = 1024;  // what S3 allows
constexpr std::size_t kPartBytesMax = 255;  // what file systems allow
constexpr std::size_t kPartsMax = 16;       // the layout needs five
constexpr std::size_t kReadChunkBytes = 64U << 10U;
// WAL on its way in a directory store: written by the receiver, never an object.
constexpr std::string_view kNoObjectsBelow = "incoming";

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '+' || c == '-';
}

// A leading dot is for what is no object: "..", temporary files, a file manager's notes.
bool is_key_part(std::string_view part) {
  return !part.empty() && part.size() <= kPartBytesMax && part.front() != '.' &&
         std::ranges::all_of(part, is_key_character);
}

bool is_key(std::string_view key) {
  if (key.empty() || key.size() > kKeyBytesMax) return false;
  if (key.substr(0, key.find('/')) == kNoObjectsBelow) return false;
  for (std::size_t parts = 1; parts <= kPartsMax; ++parts) {
    const auto slash = key.find('/');
    if (!is_key_part(key.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    key.remove_prefix(slash + 1);
  }
  return false;
}

}  // namespace

Result<void> check_key(std::string_view key) {
  if (is_key(key)) return {};
  return fail(Error(ErrorCode::Refused, fmt::format("\"{}\" is no key of an object", key))
                  .with_hint("Keys are parts of letters, digits and ._+- joined by \"/\"; no part "
                             "begins with a dot."));
}

Result<std::string> read_object(Store& store, const std::string& key, std::size_t bytes_max) {
  TRY(reader, store.open(key));
  std::string content;
  std::array<std::byte, kReadChunkBytes> chunk;
  while (true) {
    TRY(count, reader->read(chunk));
    if (count == 0) return content;
    if (content.size() + count > bytes_max) {
      return fail(ErrorCode::Malformed, fmt::format("{} in {} is larger than {} bytes", key,
                                                    store.describe(), bytes_max));
    }
    content.append(reinterpret_cast<const char*>(chunk.data()), count);
  }
}

Result<void> write_object(Store& store, const std::string& key, std::string_view content,
                          Replace replace) {
  TRY(writer, store.create(key, replace));
  TRY_VOID(writer->write(std::as_bytes(std::span(content))));
  return writer->commit();
}

}  // namespace pgkeel::archive
