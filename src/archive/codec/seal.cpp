// A chunk is only written when it is known whether it is the last one, so both directions look one
// byte ahead.
#include "archive/codec/seal.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "archive/codec/crypto.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::array<char, 7> kMagic = {'p', 'g', 'k', 'e', 'e', 'l', '\0'};
constexpr std::byte kFormatByte{1};
constexpr std::size_t kKeyIdAt = 8;
constexpr std::size_t kKeyIdBytes = 8;
constexpr std::size_t kSaltAt = 16;
constexpr std::size_t kSaltBytes = 32;
constexpr std::size_t kChunkBytesAt = 48;
constexpr const char* kInfo = "pgkeel seal 1";
constexpr std::size_t kSealedChunkBytes = kSealChunkBytes + kTagBytes;

using Header = std::array<std::byte, kSealHeaderBytes>;
enum class Last : std::uint8_t { No = 0, Yes = 1 };

Nonce96 nonce_of(std::uint64_t chunk, Last last) {
  Nonce96 nonce{};
  for (std::size_t i = 0; i < 8; ++i) nonce[10 - i] = static_cast<std::byte>(chunk >> (8 * i));
  nonce[11] = static_cast<std::byte>(last);
  return nonce;
}

ByteSpan salt_of(const Header& header) { return ByteSpan(header).subspan(kSaltAt, kSaltBytes); }

std::array<std::byte, 4> chunk_bytes_field() {
  std::array<std::byte, 4> field{};
  for (std::size_t i = 0; i < 4; ++i)
    field[3 - i] = static_cast<std::byte>(kSealChunkBytes >> (8 * i));
  return field;
}

Header make_header(const ArchiveKey& key) {
  Header header{};
  std::memcpy(header.data(), kMagic.data(), kMagic.size());
  header[kMagic.size()] = kFormatByte;
  const auto id = key.id_bytes();
  std::ranges::copy(id, header.begin() + kKeyIdAt);
  fill_random(std::span(header).subspan(kSaltAt, kSaltBytes));
  std::ranges::copy(chunk_bytes_field(), header.begin() + kChunkBytesAt);
  return header;
}

Gcm cipher_for(const ArchiveKey& key, const Header& header, Gcm::Direction direction) {
  auto derived = hkdf_sha256(key.bytes, salt_of(header), kInfo);
  Gcm cipher(derived, direction);
  forget(derived);
  return cipher;
}

class SealingSink final : public Sink {
 public:
  SealingSink(std::unique_ptr<Sink> next, const ArchiveKey& key)
      : next_(std::move(next)),
        header_(make_header(key)),
        cipher_(cipher_for(key, header_, Gcm::Direction::Seal)),
        sealed_(kSealedChunkBytes) {
    plain_.reserve(kSealChunkBytes);
  }

  Result<void> write(ByteSpan bytes) override {
    while (!bytes.empty()) {
      if (plain_.size() == kSealChunkBytes) TRY_VOID(emit(Last::No));
      const auto part = bytes.first(std::min(bytes.size(), kSealChunkBytes - plain_.size()));
      plain_.insert(plain_.end(), part.begin(), part.end());
      bytes = bytes.subspan(part.size());
    }
    return {};
  }

  Result<void> finish() override {
    TRY_VOID(emit(Last::Yes));
    return next_->finish();
  }

 private:
  Result<void> emit(Last last) {
    if (chunk_ == 0) TRY_VOID(next_->write(header_));
    const auto into = std::span(sealed_).first(plain_.size() + kTagBytes);
    cipher_.seal(nonce_of(chunk_++, last), header_, plain_, into);
    plain_.clear();
    return next_->write(into);
  }

  std::unique_ptr<Sink> next_;
  Header header_;
  Gcm cipher_;
  std::vector<std::byte> plain_;
  std::vector<std::byte> sealed_;
  std::uint64_t chunk_ = 0;
};

class UnsealingSource final : public Source {
 public:
  UnsealingSource(std::unique_ptr<Source> from, const KeyRing& keys)
      : from_(std::move(from)), keys_(keys) {}

  Result<std::size_t> read(std::span<std::byte> into) override {
    while (taken_ == plain_.size() && !ended_) TRY_VOID(open_chunk());
    const auto part = std::min(into.size(), plain_.size() - taken_);
    if (part != 0) std::memcpy(into.data(), plain_.data() + taken_, part);
    taken_ += part;
    return part;
  }

 private:
  /// Reads until `buffer_` holds `wanted` bytes or the end has come.
  Result<void> fill(std::size_t wanted) {
    const auto had = buffer_.size();
    buffer_.resize(wanted);
    std::size_t have = had;
    while (have < wanted) {
      auto count = from_->read(std::span(buffer_).subspan(have));
      if (!count) return fail(std::move(count).error());
      if (*count == 0) break;
      have += *count;
    }
    buffer_.resize(have);
    return {};
  }

  Result<void> read_header() {
    TRY_VOID(fill(kSealHeaderBytes));
    if (buffer_.size() < kSealHeaderBytes ||
        std::memcmp(buffer_.data(), kMagic.data(), kMagic.size()))
      return fail(ErrorCode::Malformed, "not a sealed object (offset 0)");
    std::ranges::copy(buffer_, header_.begin());
    buffer_.clear();
    if (header_[kMagic.size()] != kFormatByte)
      return fail(Error(ErrorCode::Unsupported, "sealed in a format this version does not know")
                      .with_hint("Use a newer pgkeel to read this archive."));
    if (!std::ranges::equal(ByteSpan(header_).subspan(kChunkBytesAt, 4), chunk_bytes_field()))
      return fail(ErrorCode::Malformed, "the sealed header was changed (offset 48)");
    const auto id = to_hex(ByteSpan(header_).subspan(kKeyIdAt, kKeyIdBytes));
    const auto* const key = keys_.find(id);
    if (key == nullptr) return fail(no_key(id));
    cipher_.emplace(cipher_for(*key, header_, Gcm::Direction::Open));
    return {};
  }

  [[nodiscard]] Error no_key(const std::string& id) const {
    const auto* const ours = keys_.sealing();
    return Error(ErrorCode::AuthFailed,
                 fmt::format("sealed with the archive key {}, {}", id,
                             ours ? fmt::format("which is not among ours (newest: {})", ours->id())
                                  : "and no key is set"))
        .with_hint(
            "Add the key with that id to archive.encryption_key_file, on a line below the newest.");
  }

  Result<void> open_chunk() {
    if (!cipher_) TRY_VOID(read_header());
    TRY_VOID(fill(kSealedChunkBytes + 1));
    const auto last = buffer_.size() <= kSealedChunkBytes ? Last::Yes : Last::No;
    const auto size = std::min(buffer_.size(), kSealedChunkBytes);
    const auto at = kSealHeaderBytes + chunk_ * kSealedChunkBytes;
    if (size < kTagBytes)
      return fail(ErrorCode::Malformed, fmt::format("ends in the middle (offset {})", at + size));
    plain_.resize(size - kTagBytes);
    taken_ = 0;
    if (!cipher_->open(nonce_of(chunk_, last), header_, ByteSpan(buffer_).first(size), plain_)) {
      plain_.clear();
      return fail(ErrorCode::Malformed,
                  fmt::format("chunk {} was changed or cut (offset {})", chunk_, at));
    }
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(size));
    ++chunk_;
    ended_ = last == Last::Yes;
    return {};
  }

  std::unique_ptr<Source> from_;
  KeyRing keys_;
  Header header_{};
  std::optional<Gcm> cipher_;
  std::vector<std::byte> buffer_;
  std::vector<std::byte> plain_;
  std::size_t taken_ = 0;
  std::uint64_t chunk_ = 0;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<Sink> make_sealing_sink(std::unique_ptr<Sink> next, const ArchiveKey& key) {
  return std::make_unique<SealingSink>(std::move(next), key);
}

std::unique_ptr<Source> make_unsealing_source(std::unique_ptr<Source> from, const KeyRing& keys) {
  return std::make_unique<UnsealingSource>(std::move(from), keys);
}

}  // namespace pgkeel::archive
