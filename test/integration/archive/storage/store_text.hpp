// Objects as tests make and read them: content of any size that differs everywhere, written and
// read whole, in pieces that fit no buffer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "archive/storage/store.hpp"

namespace pgkeel::archive {

/// So many bytes, no part of which repeats within a part of an upload.
[[nodiscard]] inline std::string made_up(std::size_t bytes, std::uint64_t seed = 1) {
  std::string text(bytes, '\0');
  std::uint64_t state = seed * 0x9E3779B97F4A7C15U + 1;
  for (char& c : text) {
    state ^= state << 13U;
    state ^= state >> 7U;
    state ^= state << 17U;
    c = static_cast<char>(state);
  }
  return text;
}

[[nodiscard]] inline Result<std::string> read_all(Store& store, const std::string& key,
                                                  std::uint64_t offset = 0) {
  TRY(reader, store.open(key, offset));
  std::string content;
  std::vector<std::byte> chunk(77'777);
  while (true) {
    TRY(count, reader->read(chunk));
    if (count == 0) return content;
    content.append(reinterpret_cast<const char*>(chunk.data()), count);
  }
}

inline Result<void> write_pieces(ObjectWriter& writer, std::string_view content) {
  constexpr std::size_t kPiece = 333'333;
  for (std::size_t at = 0; at < content.size(); at += kPiece)
    TRY_VOID(writer.write(std::as_bytes(std::span(content.substr(at, kPiece)))));
  return {};
}

[[nodiscard]] inline std::vector<std::string> keys_of(Store& store,
                                                      const std::string& prefix = "") {
  std::vector<std::string> keys;
  const auto found = store.list(prefix);
  if (!found) return {found.error().message()};
  for (const auto& object : *found) keys.push_back(object.key);
  return keys;
}

}  // namespace pgkeel::archive
