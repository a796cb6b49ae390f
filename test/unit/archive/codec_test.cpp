#include <gmock/gmock.h>

#include "archive/codec/crypto.hpp"
#include "archive/codec/encoded.hpp"
#include "support/memory_store.hpp"
#include "unit/archive/codec_fixture.hpp"

namespace pgkeel::archive {
namespace {

using test::MemoryStore;

StoredObject put(Store& store, const std::string& plain, const Encoding& encoding) {
  auto writer = EncodedWriter::create(store, "x", encoding, Replace::Always);
  EXPECT_TRUE(writer);
  const auto half = plain.size() / 3;
  EXPECT_TRUE(writer.value()->write(span_of(plain).first(half)));
  EXPECT_TRUE(writer.value()->write(span_of(plain).subspan(half)));
  auto stored = writer.value()->finish();
  EXPECT_TRUE(stored);
  return *stored;
}

/// What reading it ends with: the plain text, or the error.
Result<std::string> get(Store& store, const std::string& key, const KeyRing& keys,
                        const StoredObject* expected = nullptr) {
  TRY(source, read_encoded(store, key, keys, expected));
  std::string text;
  std::vector<std::byte> part(70'001);
  for (;;) {
    auto count = source->read(part);
    if (!count) return fail(std::move(count).error());
    if (*count == 0) return text;
    text.append(reinterpret_cast<const char*>(part.data()), *count);
  }
}

TEST(Codec, GivesBackWhatWasWritten) {
  // Goal: every size around a chunk's comes back, sealed or not, with and without threads (D10 E7).
  for (const auto size : {std::size_t{0}, std::size_t{1}, 100'000 + kMiB, 2 * kMiB, 7 * kMiB + 5}) {
    const auto plain = sample(size);
    for (const int threads : {0, 1, 2})
      for (const bool sealed : {false, true}) {
        MemoryStore store;
        Encoding encoding{.level = 3, .threads = threads, .key = {}};
        if (sealed) encoding.key = key_of(1);
        const auto stored = put(store, plain, encoding);
        EXPECT_EQ(stored.key, sealed ? "x.zst.sealed" : "x.zst");
        EXPECT_EQ(stored.plain_bytes, size);
        EXPECT_EQ(stored.stored_bytes, store.objects.at(stored.key).size());
        EXPECT_EQ(stored.sha256, sha256_hex(store.objects.at(stored.key)));
        EXPECT_EQ(stored.plain_sha256, sha256_hex(plain));
        const auto read = get(store, stored.key, KeyRing({key_of(1)}), &stored);
        ASSERT_TRUE(read) << read.error().message();
        EXPECT_TRUE(*read == plain) << size << " bytes, " << threads << " threads";
      }
  }
}

TEST(Codec, LeavesThePlainDigestOutWhenAsked) {
  // Goal: a shard's digest of plain bytes is not paid for; sizes and reading stay the same (D10).
  MemoryStore store;
  const auto stored =
      put(store, "plain", {.level = 3, .threads = 0, .key = {}, .plain_digest = PlainDigest::Skip});
  EXPECT_EQ(stored.plain_sha256, "");
  EXPECT_EQ(stored.plain_bytes, 5U);
  EXPECT_EQ(get(store, "x.zst", {}, &stored).value(), "plain");
}

TEST(Codec, SaysWhichKeyIsMissing) {
  // Goal: another key, or none, is told apart from damage; an old key of the ring still opens (E7).
  MemoryStore store;
  const auto stored = put(store, "secret", {.level = 3, .threads = 0, .key = key_of(1)});
  for (const auto& keys : {KeyRing(), KeyRing({key_of(2)})}) {
    const auto read = get(store, stored.key, keys);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::AuthFailed);
    EXPECT_THAT(read.error().message(), testing::HasSubstr(key_of(1).id()));
    EXPECT_THAT(read.error().message(), testing::HasSubstr(stored.key));
  }
  EXPECT_TRUE(get(store, stored.key, KeyRing({key_of(2), key_of(1)})));
}

TEST(Codec, FindsDamageInCompressedObjects) {
  // Goal: without a key too, a flipped bit, a cut and something appended are found and named (D10).
  MemoryStore store;
  const auto stored = put(store, sample(300'000), {.level = 3, .threads = 0, .key = {}});
  const auto whole = store.objects.at("x.zst");
  for (const std::size_t at :
       {std::size_t{0}, std::size_t{5}, whole.size() / 2, whole.size() - 1}) {
    store.objects["x.zst"] = whole;
    store.objects["x.zst"][at] ^= 4;
    for (const auto* expected : {static_cast<const StoredObject*>(nullptr), &stored}) {
      const auto read = get(store, "x.zst", {}, expected);
      // The frame header has one unused bit, which only the SHA-256 covers.
      if (expected == nullptr && read) continue;
      ASSERT_FALSE(read) << at;
      EXPECT_EQ(read.error().code, ErrorCode::Malformed);
      EXPECT_THAT(read.error().message(), testing::HasSubstr("read x.zst"));
    }
  }
  for (const auto& other :
       {whole.substr(0, whole.size() - 1), whole.substr(0, 20), whole + "x", std::string()}) {
    store.objects["x.zst"] = other;
    EXPECT_EQ(get(store, "x.zst", {}).error().code, ErrorCode::Malformed) << other.size();
    EXPECT_EQ(get(store, "x.zst", {}, &stored).error().code, ErrorCode::Malformed);
  }
  store.objects["x.zst"] = whole + whole;
  EXPECT_TRUE(get(store, "x.zst", {}));
  EXPECT_EQ(get(store, "x.zst", {}, &stored).error().code, ErrorCode::Malformed);
}

TEST(Codec, NeverCommitsWhatFailed) {
  // Goal: a store that fills up while threads work is an error that names the object (D7).
  for (const int threads : {0, 2}) {
    MemoryStore store;
    store.fail_after = 100'000;
    auto writer = EncodedWriter::create(
        store, "x", {.level = 1, .threads = threads, .key = key_of(1)}, Replace::Never);
    ASSERT_TRUE(writer);
    Result<void> result;
    const auto plain = sample(kMiB);
    for (int i = 0; i < 20 && result; ++i) result = writer.value()->write(span_of(plain));
    if (result) {
      auto stored = writer.value()->finish();
      ASSERT_FALSE(stored);
      result = fail(std::move(stored).error());
    }
    EXPECT_EQ(result.error().code, ErrorCode::DiskFull);
    EXPECT_THAT(result.error().message(), testing::HasSubstr("write x.zst.sealed"));
    writer.value().reset();
    EXPECT_TRUE(store.objects.empty());
  }
}

TEST(Codec, LeavesNothingWhenGivenUp) {
  // Goal: a writer destroyed in the middle ends its threads and commits nothing (D7).
  MemoryStore store;
  {
    auto writer =
        EncodedWriter::create(store, "x", {.level = 3, .threads = 2, .key = {}}, Replace::Never);
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer.value()->write(span_of(sample(5 * kMiB))));
  }
  EXPECT_TRUE(store.objects.empty());
}

TEST(Codec, BoundsSmallTexts) {
  // Goal: what claims to be small is read whole or refused, never without limit (D10).
  MemoryStore store;
  put(store, std::string(200'000, 'm'), {.level = 3, .threads = 0, .key = {}});
  EXPECT_EQ(read_encoded_text(store, "x.zst", {}, 200'000).value().size(), 200'000U);
  EXPECT_EQ(read_encoded_text(store, "x.zst", {}, 199'999).error().code, ErrorCode::Malformed);
  EXPECT_EQ(read_encoded(store, "x", {}).error().code, ErrorCode::Malformed);
  EXPECT_EQ(read_encoded(store, "y.zst", {}).error().code, ErrorCode::NotFound);
}

}  // namespace
}  // namespace pgkeel::archive
