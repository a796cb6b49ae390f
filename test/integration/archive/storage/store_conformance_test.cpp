// What every store has to do, asked of each kind: a directory, a bucket in path style, a bucket in
// virtual-host style. The servers are real.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "archive/storage/open.hpp"
#include "integration/archive/storage/store_text.hpp"
#include "support/s3_server.hpp"

namespace pgkeel::archive {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kMiB = 1U << 20U;

class StoreConformance : public testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() {
    if (test::S3Server::is_available()) server_ = std::make_unique<test::S3Server>();
  }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    if (GetParam() != "directory" && !server_)
      GTEST_SKIP() << "s3rver is not installed: ./dev setup";
    auto opened = open_store(address());
    ASSERT_TRUE(opened) << opened.error().message();
    store_ = std::move(*opened);
  }

  [[nodiscard]] StoreAddress address() const {
    StoreAddress wanted;
    wanted.where = dir_ / "store";
    if (GetParam() == "directory") return wanted;
    static int number = 0;
    wanted.where =
        "s3://" + std::string(test::S3Server::kBucket) + "/test-" + std::to_string(++number);
    wanted.endpoint = server_->endpoint();
    wanted.access_key = wanted.secret_key = test::S3Server::kKey;
    if (GetParam() == "virtual_host") {
      wanted.endpoint = "http://" + std::string(test::S3Server::kBucket) +
                        ".s3.localhost:" + std::to_string(server_->port());
    }
    return wanted;
  }
  void put(const std::string& key, std::string_view content) const {
    const auto written = write_object(*store_, key, content, Replace::Never);
    ASSERT_TRUE(written) << written.error().message();
  }

  static inline std::unique_ptr<test::S3Server> server_;
  const test::TempDir dir_;
  std::unique_ptr<Store> store_;
};

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformance,
                         testing::Values("directory", "path_style", "virtual_host"),
                         [](const auto& param) { return param.param; });

TEST_P(StoreConformance, WhatIsWrittenIsRead) {
  // Goal: every size up to and over the buffers comes back byte for byte, with its length and date.
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, 65'536UZ, kMiB - 1, kMiB, kMiB + 1, 9 * kMiB + 7}) {
    const auto key = "wal/0000000100000000/of-" + std::to_string(size) + "+a.zst";
    const auto content = made_up(size);
    auto writer = store_->create(key, Replace::Never);
    ASSERT_TRUE(writer) << writer.error().message();
    ASSERT_TRUE(write_pieces(**writer, content));
    const auto committed = (*writer)->commit();
    ASSERT_TRUE(committed) << committed.error().message();
    EXPECT_TRUE(read_all(*store_, key) == content) << size;
    const auto info = store_->stat(key);
    ASSERT_TRUE(info && *info) << size;
    EXPECT_EQ((*info)->size_bytes, size);
    EXPECT_LT(wall_now() - (*info)->modified_at, Seconds(60));
  }
}

TEST_P(StoreConformance, LargeObjectsAreWhole) {
  // Goal: objects of several parts, ending on a part's edge and off it.
  for (const std::size_t size : {16 * kMiB, 32 * kMiB, 35 * kMiB + 11}) {
    const auto key = "backups/b/data/" + std::to_string(size);
    const auto content = made_up(size);
    auto writer = *store_->create(key, Replace::Never);
    ASSERT_TRUE(write_pieces(*writer, content));
    const auto committed = writer->commit();
    ASSERT_TRUE(committed) << committed.error().message();
    EXPECT_TRUE(read_all(*store_, key) == content) << size;
  }
  EXPECT_THAT(*store_->abandoned(Millis(0)), IsEmpty());
}

TEST_P(StoreConformance, ReadingBeginsAnywhere) {
  // Goal: an offset inside, at the end (nothing), behind it (an error).
  const auto content = made_up(3 * kMiB);
  put("a", content);
  for (const std::size_t offset : {1UZ, kMiB, 3 * kMiB - 1, 3 * kMiB})
    EXPECT_TRUE(read_all(*store_, "a", offset) == content.substr(offset)) << offset;
  EXPECT_EQ(read_all(*store_, "a", 3 * kMiB + 1).error().code, ErrorCode::Malformed);
  put("empty", "");
  EXPECT_EQ(read_all(*store_, "empty"), "");
}

TEST_P(StoreConformance, WhatIsNotThereIsSaidSo) {
  // Goal: absent objects are NotFound to read, nothing to stat, no error to remove.
  EXPECT_EQ(store_->open("backups/none").error().code, ErrorCode::NotFound);
  EXPECT_EQ(read_object(*store_, "none", 10).error().code, ErrorCode::NotFound);
  EXPECT_EQ(store_->stat("none")->has_value(), false);
  EXPECT_TRUE(store_->remove("backups/none"));
  EXPECT_THAT(keys_of(*store_, "none/"), IsEmpty());
}

TEST_P(StoreConformance, NothingIsReplacedUnasked) {
  // Goal: Replace::Never refuses at the start, and at the end when another was quicker.
  auto first = *store_->create("lease.json", Replace::Never);
  auto second = *store_->create("lease.json", Replace::Never);
  ASSERT_TRUE(write_pieces(*first, "first"));
  ASSERT_TRUE(write_pieces(*second, "second"));
  ASSERT_TRUE(first->commit());
  EXPECT_EQ(second->commit().error().code, ErrorCode::Refused);
  EXPECT_EQ(store_->create("lease.json", Replace::Never).error().code, ErrorCode::Refused);
  EXPECT_EQ(read_object(*store_, "lease.json", 100), "first");
  ASSERT_TRUE(write_object(*store_, "lease.json", "third", Replace::Always));
  EXPECT_EQ(read_object(*store_, "lease.json", 100), "third");
}

TEST_P(StoreConformance, LargeObjectsAreNotReplacedEither) {
  // Goal: the same for an object of several parts, whose parts are removed.
  const auto content = made_up(17 * kMiB);
  auto writer = *store_->create("shard", Replace::Never);
  ASSERT_TRUE(write_pieces(*writer, content));
  put("shard", "quicker");
  EXPECT_EQ(writer->commit().error().code, ErrorCode::Refused);
  writer.reset();
  EXPECT_EQ(read_object(*store_, "shard", 100), "quicker");
  EXPECT_THAT(*store_->abandoned(Millis(0)), IsEmpty());
}

TEST_P(StoreConformance, WhatIsNotCommittedIsNotThere) {
  // Goal: neither a small nor a large object given up midway leaves anything, seen or unseen.
  for (const std::size_t size : {1000UZ, 20 * kMiB}) {
    auto writer = *store_->create("backups/b/data/0", Replace::Never);
    ASSERT_TRUE(write_pieces(*writer, made_up(size)));
    EXPECT_THAT(keys_of(*store_), IsEmpty());
    writer.reset();
    EXPECT_EQ(store_->stat("backups/b/data/0")->has_value(), false);
    EXPECT_THAT(*store_->abandoned(Millis(0)), IsEmpty());
  }
}

TEST_P(StoreConformance, ListingIsSortedAndBelowThePrefix) {
  // Goal: by bytes, across directories; a prefix that is the beginning of another's name.
  for (const auto* key : {"wal/10/b", "wal/1/c", "wal/1/a/x", "wal/1+", "lease.json", "wal/1/B"})
    put(key, key);
  EXPECT_THAT(keys_of(*store_),
              ElementsAre("lease.json", "wal/1+", "wal/1/B", "wal/1/a/x", "wal/1/c", "wal/10/b"));
  EXPECT_THAT(keys_of(*store_, "wal/1/"), ElementsAre("wal/1/B", "wal/1/a/x", "wal/1/c"));
  EXPECT_THAT(keys_of(*store_, "wal/10/"), ElementsAre("wal/10/b"));
  EXPECT_EQ(store_->list("wal/1/a/")->at(0).size_bytes, 9U);
}

TEST_P(StoreConformance, RemovedIsGone) {
  // Goal: only what was named goes, and it may be written again.
  put("backups/b/a", "1");
  put("backups/b/b", "2");
  ASSERT_TRUE(store_->remove("backups/b/a"));
  ASSERT_TRUE(store_->remove("backups/b/a"));
  EXPECT_THAT(keys_of(*store_), ElementsAre("backups/b/b"));
  put("backups/b/a", "3");
  EXPECT_EQ(read_object(*store_, "backups/b/a", 10), "3");
}

TEST_P(StoreConformance, KeysThatAreNoneAreRefused) {
  // Goal: every operation refuses them before it does anything.
  for (const auto* key : {"../a", "/a", "a//b", "a?b", "", ".tmp/a"}) {
    EXPECT_EQ(store_->create(key, Replace::Always).error().code, ErrorCode::Refused) << key;
    EXPECT_EQ(store_->open(key).error().code, ErrorCode::Refused) << key;
    EXPECT_EQ(store_->stat(key).error().code, ErrorCode::Refused) << key;
    EXPECT_EQ(store_->remove(key).error().code, ErrorCode::Refused) << key;
  }
}

TEST_P(StoreConformance, SmallObjectsHaveALimit) {
  // Goal: read_object() does not fill the memory with what is no small object.
  put("a", "12345");
  EXPECT_EQ(read_object(*store_, "a", 5), "12345");
  EXPECT_EQ(read_object(*store_, "a", 4).error().code, ErrorCode::Malformed);
}

TEST_P(StoreConformance, ThreadsDoNotMeet) {
  // Goal: one store, several threads that write, read and remove at once.
  const auto work = [this](int number) {
    for (int i = 0; i < 10; ++i) {
      const auto key = "wal/" + std::to_string(number) + "/" + std::to_string(i);
      const auto content = made_up(10'000, static_cast<std::uint64_t>(number * 100 + i));
      EXPECT_TRUE(write_object(*store_, key, content, Replace::Never));
      EXPECT_TRUE(read_all(*store_, key) == content);
      if (i % 2 == 1) continue;
      EXPECT_TRUE(store_->remove(key));
    }
  };
  {
    std::vector<std::jthread> threads;
    for (int number = 0; number < 4; ++number) threads.emplace_back(work, number);
  }
  EXPECT_EQ(store_->list("wal/")->size(), 20U);
}

}  // namespace
}  // namespace pgkeel::archive
