// Following a log by looking at its end again and again.
#include "app/log_tail.hpp"

#include <gtest/gtest.h>

namespace pgkeel::app {
namespace {

using Lines = std::vector<std::string>;

TEST(LogTail, ShowsOnlyWhatIsNew) {
  // Goal: two overlapping looks give exactly the lines behind the first.
  EXPECT_EQ(lines_after({"a", "b"}, {"a", "b", "c"}), Lines{"c"});
  EXPECT_EQ(lines_after({"a", "b", "c"}, {"b", "c", "d", "e"}), (Lines{"d", "e"}));
  EXPECT_EQ(lines_after({"a", "b"}, {"x", "a", "b"}), Lines{});
  EXPECT_EQ(lines_after({"y", "z"}, {"x", "y", "z", "n"}), Lines{"n"});
  EXPECT_EQ(lines_after({"a"}, {"x", "y"}), (Lines{"x", "y"}));
  EXPECT_EQ(lines_after({}, {"x"}), Lines{"x"});
  EXPECT_EQ(lines_after({"x"}, {}), Lines{});
}

}  // namespace
}  // namespace pgkeel::app
