// One guard owns the state; readers come and go beside it.
#include <gmock/gmock.h>

#include "incident/journal.hpp"
#include "incident/store.hpp"
#include "support/temp_dir.hpp"
#include "writer_process.hpp"

namespace pgkeel::incident {
namespace {

using testing::HasSubstr;

TEST(Owner, ASecondGuardIsToldWhoHoldsIt) {
  // StateLocked with pid and since when; once the holder is dead, however it died, the next owns
  // it.
  const test::TempDir dir;
  WriterProcess first(dir / "state");
  ASSERT_EQ(first.next_line(), "opened");
  const auto second = Store::open(dir / "state");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::StateLocked);
  EXPECT_EQ(second.error().exit_number(), 3);
  EXPECT_THAT(second.error().message(),
              HasSubstr("pid " + std::to_string(first.pid()) + ", since 20"));
  first.kill();
  std::vector<std::string> lines;
  first.wait(lines);
  EXPECT_TRUE(Store::open(dir / "state"));
}

TEST(Owner, AReaderSeesWhatAGuardHasJustWritten) {
  // Commands read while the guard writes: what it acknowledged is visible at once, nothing blocks,
  // and after the guard's death the same reading still works and leaves no file behind.
  const test::TempDir dir;
  WriterProcess guard(dir / "state");
  std::string newest;
  for (int reads = 0; reads < 50;) {
    const auto line = guard.next_line();
    ASSERT_TRUE(line) << "the guard was disturbed";
    if (!line->starts_with("incident ")) continue;
    newest = line->substr(9);
    const auto reader = Store::open_read_only(dir / "state");
    ASSERT_TRUE(reader) << reader.error().message();
    const auto loaded = Journal(**reader).load(newest);
    ASSERT_TRUE(loaded) << loaded.error().message();
    ++reads;
  }
  guard.kill();
  std::vector<std::string> lines;
  guard.wait(lines);
  const auto count = [&] {
    return std::distance(std::filesystem::directory_iterator(dir / "state"), {});
  };
  const auto before = count();
  {
    const auto reader = Store::open_read_only(dir / "state");
    ASSERT_TRUE(reader) << reader.error().message();
    EXPECT_TRUE(Journal(**reader).load(newest));
  }
  EXPECT_EQ(count(), before);
}

}  // namespace
}  // namespace pgkeel::incident
