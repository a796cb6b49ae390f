// A bounded reader over bytes from outside. It never reads past its end: a short read sets
// `failed()` and yields zeros, so a decoder checks once when it is done instead of at every field.
// Integers are little-endian (PostgreSQL's files on the supported platforms); see `be` for the
// wire.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace pgkeel {

using ByteSpan = std::span<const std::byte>;

class ByteReader {
 public:
  explicit ByteReader(ByteSpan bytes) : bytes_(bytes) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t offset() const { return offset_; }
  [[nodiscard]] std::size_t remaining() const { return failed_ ? 0 : bytes_.size() - offset_; }

  template <class Number>
    requires std::is_trivially_copyable_v<Number>
  Number read() {
    Number number{};
    if (const auto from = take(sizeof number); !from.empty())
      std::memcpy(&number, from.data(), sizeof number);
    return number;
  }

  template <std::integral Number>
  Number read_be() {
    const auto number = read<Number>();
    return std::endian::native == std::endian::little ? std::byteswap(number) : number;
  }

  /// The next `count` bytes, or an empty span and failed() when fewer are left.
  ByteSpan take(std::size_t count) {
    if (failed_ || count > bytes_.size() - offset_) {
      failed_ = true;
      return {};
    }
    const auto part = bytes_.subspan(offset_, count);
    offset_ += count;
    return part;
  }

  void seek(std::size_t offset) {
    if (offset > bytes_.size()) failed_ = true;
    else offset_ = offset;
  }
  void skip(std::size_t count) { static_cast<void>(take(count)); }
  /// Skips to the next multiple of `alignment` counted from the start, as C struct layout does.
  void align(std::size_t alignment) { skip((alignment - offset_ % alignment) % alignment); }

 private:
  ByteSpan bytes_;
  std::size_t offset_ = 0;
  bool failed_ = false;
};

}  // namespace pgkeel
