// What the guard reads out of the words of its undrop job.
#include "recover/playbooks/undrop_job.hpp"

#include <gmock/gmock.h>

namespace pgkeel::recover {
namespace {

TEST(ReadUndrop, TakesTheLastLine) {
  // Goal: progress lines before the answer do not matter.
  const auto done = read_undrop(
      "undrop: 1 MB\n{\"restored\":\"shop.public.orders\",\"rows\":12,\"lsn\":\"0/30\",\"backup\":"
      "\"b\",\"relations\":[{\"name\":\"public.orders\",\"rows\":12}],\"notes\":[\"a view\"]}\n");
  ASSERT_TRUE(done.has_value()) << done.error().message();
  EXPECT_EQ(done->rows, 12);
  EXPECT_THAT(done->relations, testing::ElementsAre("public.orders"));
  EXPECT_EQ(done->describe(),
            "12 rows restored as of 0/30 from backup b; not brought back: a view");
}

TEST(ReadUndrop, KeepsTheErrorItsHintAndWhatItsExitMeans) {
  // Goal: what was refused for safety is told from what may pass.
  const auto refused = read_undrop(
      "{\"error\":{\"code\":\"refused\",\"message\":\"it "
      "exists\",\"hint\":\"--as\",\"exit\":4}}\n");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::Refused);
  EXPECT_EQ(refused.error().hint(), "--as");
  EXPECT_EQ(read_undrop("{\"error\":{\"message\":\"x\",\"exit\":1}}").error().code,
            ErrorCode::ChildFailed);
}

TEST(ReadUndrop, NeverTakesSilenceForSuccess) {
  // Goal: a job that was killed, or wrote something else, has failed.
  for (const auto* words : {"", "\n", "Killed\n", "{}", "[1]", "{\"rows\":1}"})
    EXPECT_FALSE(read_undrop(words).has_value()) << words;
}

}  // namespace
}  // namespace pgkeel::recover
