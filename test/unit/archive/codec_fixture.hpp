// What the codec's tests share: keys, and text of which half compresses and half does not.
#pragma once

#include <random>
#include <span>
#include <string>

#include "archive/codec/key.hpp"
#include "base/bytes.hpp"

namespace pgkeel::archive {

inline constexpr std::size_t kMiB = 1U << 20U;

inline ArchiveKey key_of(unsigned char filler) {
  ArchiveKey key;
  key.bytes.fill(static_cast<std::byte>(filler));
  return key;
}

inline std::string sample(std::size_t bytes) {
  std::mt19937 random(7);
  std::string text(bytes, 'a');
  for (std::size_t i = 0; i < bytes / 2; ++i) text[i] = static_cast<char>(random());
  return text;
}

inline ByteSpan span_of(std::string_view text) { return std::as_bytes(std::span(text)); }

}  // namespace pgkeel::archive
