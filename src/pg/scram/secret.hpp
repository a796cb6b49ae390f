// A key of a fixed size, in memory only: compared in a time that tells nothing, wiped when it goes.
// It refuses to be printed.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include <openssl/crypto.h>

#include "base/bytes.hpp"
#include "base/check.hpp"

namespace pgkeel::pg {

template <std::size_t Bytes>
class Secret {
 public:
  static constexpr std::size_t kBytes = Bytes;

  Secret() = default;
  explicit Secret(ByteSpan bytes) {
    CHECK(bytes.size() == Bytes);
    std::ranges::copy(bytes, bytes_.begin());
  }
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  ~Secret() { OPENSSL_cleanse(bytes_.data(), Bytes); }

  [[nodiscard]] std::span<std::byte, Bytes> bytes() { return bytes_; }
  [[nodiscard]] std::span<const std::byte, Bytes> bytes() const { return bytes_; }
  friend bool operator==(const Secret& a, const Secret& b) {
    return CRYPTO_memcmp(a.bytes_.data(), b.bytes_.data(), Bytes) == 0;
  }

 private:
  std::array<std::byte, Bytes> bytes_{};
};

/// Bytes of any number, wiped when they go: a prepared password.
class SecretText {
 public:
  SecretText() = default;
  explicit SecretText(std::string text) : text_(std::move(text)) {}
  SecretText(SecretText&& other) noexcept : text_(other.text_) { other.wipe(); }
  SecretText(const SecretText&) = delete;
  SecretText& operator=(const SecretText&) = delete;
  SecretText& operator=(SecretText&&) = delete;
  ~SecretText() { wipe(); }

  [[nodiscard]] std::string_view view() const { return text_; }

 private:
  void wipe() {
    OPENSSL_cleanse(text_.data(), text_.size());
    text_.clear();
  }

  std::string text_;
};

}  // namespace pgkeel::pg
