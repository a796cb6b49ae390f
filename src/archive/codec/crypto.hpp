// The few things of OpenSSL that the archive needs: SHA-256, HKDF and AES-256-GCM over whole
// buffers. Only a bug or lack of memory makes them fail, so they end the process then (CHECK);
// what an outsider can cause, a wrong tag, is a value.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

struct evp_md_ctx_st;
struct evp_cipher_ctx_st;

namespace pgkeel::archive {

using Key256 = std::array<std::byte, 32>;
using Nonce96 = std::array<std::byte, 12>;
inline constexpr std::size_t kTagBytes = 16;

class Sha256 {
 public:
  Sha256();
  void update(ByteSpan bytes);
  /// Lower-case hex of everything so far; called once.
  [[nodiscard]] std::string hex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

[[nodiscard]] std::string sha256_hex(ByteSpan bytes);
[[nodiscard]] std::string sha256_hex(std::string_view text);

/// RFC 5869 with SHA-256.
[[nodiscard]] Key256 hkdf_sha256(const Key256& key, ByteSpan salt, std::string_view info);
void fill_random(std::span<std::byte> bytes);
[[nodiscard]] std::string to_hex(ByteSpan bytes);
/// Overwrites a secret in a way the compiler does not leave out.
void forget(std::span<std::byte> secret);

/// AES-256-GCM under one key. One object per thread.
class Gcm {
 public:
  enum class Direction { Seal, Open };
  Gcm(const Key256& key, Direction direction);
  /// `into` takes plain.size() + kTagBytes bytes: the ciphertext, then the tag.
  void seal(const Nonce96& nonce, ByteSpan associated, ByteSpan plain, std::span<std::byte> into);
  /// `into` takes sealed.size() - kTagBytes bytes. False when the tag is not right; what is in
  /// `into` then must not be used.
  [[nodiscard]] bool open(const Nonce96& nonce, ByteSpan associated, ByteSpan sealed,
                          std::span<std::byte> into);

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  std::unique_ptr<evp_cipher_ctx_st, Free> context_;
};

}  // namespace pgkeel::archive
