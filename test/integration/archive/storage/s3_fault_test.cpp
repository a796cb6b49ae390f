// A bucket behind a way that fails: cut, slow, garbled, overloaded. Every object arrives whole or
// the caller hears of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "archive/storage/s3.hpp"
#include "integration/archive/storage/store_text.hpp"
#include "support/fault_relay.hpp"
#include "support/s3_server.hpp"
#include "support/wait.hpp"

namespace pgkeel::archive {
namespace {

using test::Fault;
using test::FaultKind;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::size_t kMiB = 1U << 20U;

class S3Fault : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (test::S3Server::is_available()) server_ = std::make_unique<test::S3Server>();
  }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    if (!server_) GTEST_SKIP() << "s3rver is not installed: ./dev setup";
    relay_ = std::make_unique<test::FaultRelay>(server_->port());
    prefix_ = "test-" + std::to_string(++number_);
    auto opened = open_s3_store(address(), options());
    ASSERT_TRUE(opened) << opened.error().message();
    store_ = std::move(*opened);
  }

  [[nodiscard]] StoreAddress address() const {
    StoreAddress wanted;
    wanted.where = "s3://" + std::string(test::S3Server::kBucket) + "/" + prefix_;
    wanted.endpoint = "http://127.0.0.1:" + std::to_string(relay_->port());
    wanted.access_key = wanted.secret_key = test::S3Server::kKey;
    return wanted;
  }
  [[nodiscard]] S3Options options() const {
    S3Options quick;
    quick.attempts = kAttempts;
    quick.backoff = {.base = Millis(1), .cap = Millis(5)};
    quick.session.stall_timeout = Seconds(1);
    quick.session.stop = stop_.get_token();
    return quick;
  }
  Result<void> put(const std::string& key, std::string_view content,
                   Replace replace = Replace::Never) {
    TRY(writer, store_->create(key, replace));
    TRY_VOID(write_pieces(*writer, content));
    return writer->commit();
  }
  [[nodiscard]] Result<void> try_open(const StoreAddress& wanted) const {
    TRY_VOID(open_s3_store(wanted, options()));
    return {};
  }

  static constexpr int kAttempts = 5;
  static inline std::unique_ptr<test::S3Server> server_;
  static inline int number_ = 0;
  std::string prefix_;
  std::stop_source stop_;
  std::unique_ptr<test::FaultRelay> relay_;
  std::unique_ptr<Store> store_;
};

TEST_F(S3Fault, OverloadIsWaitedOut) {
  // Goal (C3): 503, 500 and 429 are tried again, whatever is asked.
  relay_->arm({.kind = FaultKind::Answer, .match = "PUT ", .times = 2});
  relay_->arm({.kind = FaultKind::Answer, .match = "PUT ", .status = 500, .code = "InternalError"});
  ASSERT_TRUE(put("a", "content"));
  EXPECT_THAT(relay_->seen("PUT "), SizeIs(4));
  relay_->arm({.kind = FaultKind::Answer, .match = "GET ", .status = 429, .code = "x"});
  EXPECT_EQ(read_all(*store_, "a"), "content");
  relay_->arm({.kind = FaultKind::Answer, .match = "HEAD ", .times = 2});
  EXPECT_TRUE(store_->stat("a")->has_value());
  relay_->arm({.kind = FaultKind::Answer, .match = "list-type"});
  EXPECT_THAT(keys_of(*store_), SizeIs(1));
  relay_->arm({.kind = FaultKind::Answer, .match = "DELETE "});
  EXPECT_TRUE(store_->remove("a"));
  EXPECT_TRUE(relay_->sprung());
}

TEST_F(S3Fault, OverloadThatLastsIsReported) {
  // Goal (C3): tries are limited, and the last answer is what the error says.
  relay_->arm({.kind = FaultKind::Answer, .match = "PUT ", .times = 99});
  const auto written = put("a", "content");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::Http);
  EXPECT_THAT(written.error().message(), HasSubstr("503 SlowDown"));
  EXPECT_THAT(relay_->seen("PUT "), SizeIs(kAttempts));
}

TEST_F(S3Fault, ARefusalIsNotTriedAgain) {
  // Goal: 4xx is an answer.
  relay_->arm({.kind = FaultKind::Answer, .match = "PUT ", .status = 403, .code = "AccessDenied"});
  EXPECT_EQ(put("a", "content").error().code, ErrorCode::Permission);
  EXPECT_THAT(relay_->seen("PUT "), SizeIs(1));
}

TEST_F(S3Fault, ACutRequestIsSentAgain) {
  // Goal (C3): an upload cut in the middle arrives whole with the next try.
  relay_->arm({.kind = FaultKind::CutRequest, .match = "PUT ", .times = 2, .after_bytes = 500'000});
  const auto content = made_up(2 * kMiB);
  ASSERT_TRUE(put("a", content));
  EXPECT_TRUE(read_all(*store_, "a") == content);
}

TEST_F(S3Fault, AGarbledRequestIsSentAgain) {
  // Goal: a bit turned on the way is noticed by the digest that was signed.
  relay_->arm({.kind = FaultKind::FlipByte, .match = "PUT ", .times = 1});
  ASSERT_TRUE(put("a", made_up(kMiB)));
  EXPECT_TRUE(read_all(*store_, "a") == made_up(kMiB));
}

TEST_F(S3Fault, ALostAnswerIsNotTakenForAnother) {
  // Goal: written, but the answer lost: the next try meets our own object, and that is no refusal.
  relay_->arm({.kind = FaultKind::CutAnswer, .match = "PUT "});
  const auto written = put("a", "content");
  ASSERT_TRUE(written) << written.error().message();
  EXPECT_EQ(read_all(*store_, "a"), "content");
}

TEST_F(S3Fault, OnlyTheCutPartIsSentAgain) {
  // Goal (C3): parts are tried again one by one.
  relay_->arm({.kind = FaultKind::CutRequest, .match = "partNumber=2", .after_bytes = 5 * kMiB});
  relay_->arm({.kind = FaultKind::Answer, .match = "partNumber=3", .times = 2});
  const auto content = made_up(40 * kMiB);
  ASSERT_TRUE(put("a", content));
  EXPECT_TRUE(read_all(*store_, "a") == content);
  EXPECT_THAT(relay_->seen("partNumber=1&"), SizeIs(1));
  EXPECT_THAT(relay_->seen("partNumber=2&"), SizeIs(2));
  EXPECT_THAT(relay_->seen("partNumber=3&"), SizeIs(3));
}

TEST_F(S3Fault, ACompletionIsFollowedUp) {
  // Goal: its answer lost, or an error behind a status of 200: in the end the object is there.
  relay_->arm({.kind = FaultKind::CutAnswer, .match = "?uploadId="});
  auto written = put("a", made_up(17 * kMiB));
  ASSERT_TRUE(written) << written.error().message();
  relay_->arm(
      {.kind = FaultKind::Answer, .match = "?uploadId=", .status = 200, .code = "InternalError"});
  written = put("b", made_up(17 * kMiB));
  ASSERT_TRUE(written) << written.error().message();
  EXPECT_TRUE(relay_->sprung());
  for (const auto* key : {"a", "b"})
    EXPECT_TRUE(read_all(*store_, key) == made_up(17 * kMiB)) << key;
}

TEST_F(S3Fault, AFailedPartIsAFailedObject) {
  // Goal (C3): an upload that cannot be finished leaves neither an object nor parts.
  relay_->arm({.kind = FaultKind::Answer, .match = "partNumber=2", .times = kAttempts});
  EXPECT_FALSE(put("a", made_up(33 * kMiB)));
  EXPECT_THAT(keys_of(*store_), IsEmpty());
  EXPECT_THAT(*store_->abandoned(Millis(0)), IsEmpty());
}

TEST_F(S3Fault, ReadingGoesOnWhereItWasCut) {
  // Goal (C3): resets and early ends in the middle cost no byte.
  const auto content = made_up(12 * kMiB);
  ASSERT_TRUE(put("a", content));
  relay_->arm({.kind = FaultKind::CutAnswer, .match = "GET ", .times = 2, .after_bytes = 300'000});
  relay_->arm({.kind = FaultKind::EndAnswer, .match = "GET ", .times = 2, .after_bytes = 700'000});
  EXPECT_TRUE(read_all(*store_, "a") == content);
  EXPECT_TRUE(relay_->sprung());
}

TEST_F(S3Fault, AnAnswerThatAlwaysEndsEarlyIsAnError) {
  // Goal (C3): what cannot be read whole never looks whole.
  ASSERT_TRUE(put("a", made_up(kMiB)));
  relay_->arm({.kind = FaultKind::EndAnswer, .match = "GET ", .times = 99, .after_bytes = 100});
  const auto content = read_all(*store_, "a");
  ASSERT_FALSE(content);
  EXPECT_TRUE(content.error().retryable());
}

TEST_F(S3Fault, AReplacedObjectIsNotReadAsOne) {
  // Goal: the ranges of two different objects are never joined.
  ASSERT_TRUE(put("a", made_up(3 * kMiB, 1)));
  const auto reader = *store_->open("a");
  ASSERT_TRUE(put("a", made_up(3 * kMiB, 2), Replace::Always));
  std::vector<std::byte> chunk(kMiB);
  Result<std::size_t> count = 1;
  while (count && *count > 0) count = reader->read(chunk);
  ASSERT_FALSE(count);
  EXPECT_EQ(count.error().code, ErrorCode::Malformed);
}

TEST_F(S3Fault, SilenceIsBounded) {
  // Goal (C3): a server that says nothing is given up and asked again.
  ASSERT_TRUE(put("a", "content"));
  relay_->arm({.kind = FaultKind::Stall, .match = "GET "});
  EXPECT_EQ(read_all(*store_, "a"), "content");
  relay_->arm({.kind = FaultKind::Delay, .match = "GET ", .pause = Millis(200)});
  EXPECT_EQ(read_all(*store_, "a"), "content");
}

TEST_F(S3Fault, AStopEndsWhatIsUnderWay) {
  // Goal: a job that is to end does not wait for a server that says nothing.
  relay_->arm({.kind = FaultKind::Stall, .match = "GET ", .times = 99});
  Result<std::string> content;
  const auto begun = SteadyClock::now();
  {
    const std::jthread reading([this, &content] { content = read_all(*store_, "a"); });
    ASSERT_TRUE(test::wait_until([this] { return relay_->seen("GET /").size() > 1; }));
    stop_.request_stop();
  }
  EXPECT_FALSE(content);
  EXPECT_LT(SteadyClock::now() - begun, Seconds(10));
}

TEST_F(S3Fault, AStoreWithoutConditionalWritesIsAskedFirst) {
  // Goal: where If-None-Match is not known, what is there is looked for instead.
  relay_->arm(
      {.kind = FaultKind::Answer, .match = "PUT ", .status = 501, .code = "NotImplemented"});
  ASSERT_TRUE(put("a", "content"));
  auto writer = *store_->create("b", Replace::Never);
  ASSERT_TRUE(write_pieces(*writer, "late"));
  ASSERT_TRUE(put("b", "early"));
  EXPECT_EQ(writer->commit().error().code, ErrorCode::Refused);
  EXPECT_EQ(read_all(*store_, "b"), "early");
}

TEST_F(S3Fault, UnfinishedUploadsAreFound) {
  // Goal (C3): the parts of a writer that died cost money until somebody finds them.
  auto writer = *store_->create("backups/b/data/0", Replace::Never);
  ASSERT_TRUE(write_pieces(*writer, made_up(17 * kMiB)));
  EXPECT_THAT(*store_->abandoned(Seconds(60)), IsEmpty());
  const auto found = *store_->abandoned(Millis(0));
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_THAT(found[0].key, testing::StartsWith("backups/b/data/0?uploadId="));
  ASSERT_TRUE(store_->remove_abandoned(found[0]));
  EXPECT_THAT(*store_->abandoned(Millis(0)), IsEmpty());
  EXPECT_FALSE(writer->commit());
  EXPECT_EQ(store_->remove_abandoned({.key = "a", .size_bytes = 0, .modified_at = {}}).error().code,
            ErrorCode::Refused);
}

TEST_F(S3Fault, ListingsOfSeveralPagesAreWhole) {
  // Goal: more objects than a page holds, foreign ones among them.
  const auto dir = server_->bucket_path() / prefix_ / "wal";
  std::filesystem::create_directories(dir);
  std::filesystem::permissions(dir, std::filesystem::perms::all);  // it keeps digests beside
  constexpr int kObjects = 2'300;
  for (int i = 0; i < kObjects; ++i)
    std::ofstream(dir / ("segment-" + std::to_string(i) + "._S3rver_object")) << "x";
  std::ofstream(dir / "not ours._S3rver_object") << "x";
  const auto found = store_->list("wal/");
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->size(), kObjects);
  EXPECT_TRUE(std::ranges::is_sorted(*found, {}, &ObjectInfo::key));
}

TEST_F(S3Fault, WhatIsWrongIsSaidAtTheStart) {
  // Goal: wrong secret, wrong key, no bucket, nobody there: each its own error.
  auto wrong = address();
  wrong.secret_key = "guess";
  auto opened = try_open(wrong);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::AuthFailed);
  EXPECT_THAT(std::string(opened.error().hint()), HasSubstr("secret key"));
  EXPECT_THAT(opened.error().message(), testing::Not(HasSubstr("guess")));
  wrong = address();
  wrong.access_key = "nobody";
  EXPECT_EQ(try_open(wrong).error().code, ErrorCode::AuthFailed);
  wrong = address();
  wrong.where = "s3://no-such-bucket";
  EXPECT_EQ(try_open(wrong).error().code, ErrorCode::NotFound);
  wrong = address();
  wrong.endpoint = "http://127.0.0.1:" + std::to_string(test::free_port());
  EXPECT_EQ(try_open(wrong).error().code, ErrorCode::ConnectionFailed);
  relay_->arm({.kind = FaultKind::Answer, .status = 200, .code = ""});
  EXPECT_EQ(try_open(address()).error().code, ErrorCode::ConfigBadValue);
}

}  // namespace
}  // namespace pgkeel::archive
