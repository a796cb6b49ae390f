#include "archive/codec/seal.hpp"

#include <gmock/gmock.h>
#include <cstring>
#include <vector>

#include "archive/codec/crypto.hpp"
#include "unit/archive/codec_fixture.hpp"

namespace pgkeel::archive {
namespace {

/// Sealing alone, so that chunk borders are where the test wants them.
class TextSink final : public Sink {
 public:
  explicit TextSink(std::string* into) : into_(into) {}
  Result<void> write(ByteSpan bytes) override {
    into_->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {};
  }
  Result<void> finish() override { return {}; }

 private:
  std::string* into_;
};

class TextSource final : public Source {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read(std::span<std::byte> into) override {
    const auto count = std::min(into.size(), text_.size() - at_);
    std::memcpy(into.data(), text_.data() + at_, count);
    at_ += count;
    return count;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

std::string seal(const std::string& plain, const ArchiveKey& key) {
  std::string sealed;
  const auto sink = make_sealing_sink(std::make_unique<TextSink>(&sealed), key);
  EXPECT_TRUE(sink->write(span_of(plain)));
  EXPECT_TRUE(sink->finish());
  return sealed;
}

Result<std::string> unseal(std::string sealed, const KeyRing& keys) {
  const auto source = make_unsealing_source(std::make_unique<TextSource>(std::move(sealed)), keys);
  std::string text;
  std::vector<std::byte> part(1'000'003);
  for (;;) {
    auto count = source->read(part);
    if (!count) return fail(std::move(count).error());
    if (*count == 0) return text;
    text.append(reinterpret_cast<const char*>(part.data()), *count);
  }
}

TEST(Seal, HoldsAtEverySizeAroundAChunk) {
  // Goal: chunk borders lose and double nothing, and there is always exactly one last chunk (E7).
  const auto long_text = sample(3 * kMiB);
  for (const auto size : {std::size_t{0}, std::size_t{1}, kMiB - 1, kMiB, kMiB + 1, 3 * kMiB}) {
    const auto plain = long_text.substr(0, size);
    const auto sealed = seal(plain, key_of(1));
    const auto chunks = std::max<std::size_t>(1, (size + kMiB - 1) / kMiB);
    EXPECT_EQ(sealed.size(), kSealHeaderBytes + size + chunks * kTagBytes);
    const auto opened = unseal(sealed, KeyRing({key_of(1)}));
    ASSERT_TRUE(opened) << opened.error().message();
    EXPECT_TRUE(*opened == plain) << size;
  }
}

TEST(Seal, NoticesEveryFlippedBit) {
  // Goal: a bit flipped in any byte of header, ciphertext or tag is found, and where is said (E7).
  const auto sealed = seal("the quick brown fox", key_of(1));
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    auto damaged = sealed;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    const auto opened = unseal(damaged, KeyRing({key_of(1)}));
    ASSERT_FALSE(opened) << at;
    const bool key_id = at >= 8 && at < 16;
    const bool format = at == 7;
    EXPECT_EQ(opened.error().code, key_id   ? ErrorCode::AuthFailed
                                   : format ? ErrorCode::Unsupported
                                            : ErrorCode::Malformed)
        << at;
  }
}

TEST(Seal, NoticesChunksCutMovedAndDoubled) {
  // Goal: whole chunks that are genuine are refused in any other number or order (E7).
  const auto sealed = seal(sample(3 * kMiB), key_of(1));
  constexpr auto kChunk = kMiB + kTagBytes;
  const auto head = sealed.substr(0, kSealHeaderBytes);
  const auto chunk = [&](std::size_t i) {
    return sealed.substr(kSealHeaderBytes + i * kChunk, kChunk);
  };
  const KeyRing keys({key_of(1)});
  ASSERT_TRUE(unseal(head + chunk(0) + chunk(1) + chunk(2), keys));
  for (const auto& other :
       {head + chunk(0) + chunk(1), head + chunk(1) + chunk(0) + chunk(2),
        head + chunk(0) + chunk(1) + chunk(2) + chunk(2), head + chunk(0) + chunk(2), head,
        head + chunk(0) + chunk(1) + chunk(2) + "x", sealed.substr(0, sealed.size() - 1),
        sealed.substr(0, 40), std::string()}) {
    const auto opened = unseal(other, keys);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::Malformed);
    EXPECT_THAT(opened.error().detail, testing::HasSubstr("offset"));
  }
  const auto moved = unseal(head + chunk(1), keys).error().detail;
  EXPECT_THAT(moved, testing::HasSubstr("chunk 0 was changed or cut (offset 64)"));
}

}  // namespace
}  // namespace pgkeel::archive
