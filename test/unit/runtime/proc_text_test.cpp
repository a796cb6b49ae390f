// The texts of /proc as the kernel writes them.
#include "runtime/proc_text.hpp"

#include <gtest/gtest.h>

namespace pgkeel::runtime {
namespace {

constexpr std::string_view kStat =
    "4242 (post) gres (x) S 1 4242 4242 0 -1 4194560 8035 1041 0 0 17 23 2 3 20 0 1 0 987654 "
    "228212736 5544 18446744073709551615 1 1 0 0 0 0 4194304 19935232 84487 0 0 0 17 1 0 0 0 0 0\n";

constexpr std::string_view kTcp =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000   101        0 "
    "9001 1 0 100 0 0 10 0\n"
    "   1: 0100007F:1538 0100007F:D431 01 00000000:00000000 00:00000000 00000000   101        0 "
    "9002 1 0 100 0 0 10 0\n";

TEST(ProcText, ReadsStat) {
  // Goal: fields are found behind a command that holds spaces and parentheses.
  const auto stat = parse_proc_stat(kStat, 4096);
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->pid, 4242);
  EXPECT_EQ(stat->command, "post) gres (x");
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->parent, 1);
  EXPECT_EQ(stat->start_ticks, 987654U);
  EXPECT_EQ(stat->cpu_ticks, 40U);
  EXPECT_EQ(stat->rss_bytes, 5544U * 4096U);
}

TEST(ProcText, RefusesABrokenStat) {
  // Goal: any truncated stat line is refused rather than half read.
  const auto last_needed = kStat.find(" 5544");
  for (std::size_t length = 0; length < last_needed; ++length)
    EXPECT_FALSE(parse_proc_stat(kStat.substr(0, length), 4096)) << length;
  EXPECT_FALSE(parse_proc_stat(") (", 4096));
  EXPECT_FALSE(parse_proc_stat("1 (", 4096));
}

TEST(ProcText, ReadsIo) {
  // Goal: bytes that reached storage are summed; a missing counter is not taken for zero.
  EXPECT_EQ(parse_proc_io("rchar: 9\nread_bytes: 4096\nwrite_bytes: 8192\n"), 12288U);
  EXPECT_FALSE(parse_proc_io("read_bytes: 4096\n"));
  EXPECT_FALSE(parse_proc_io("read_bytes: x\nwrite_bytes: 1\n"));
}

TEST(ProcText, ReadsCommandLines) {
  // Goal: arguments are split at NUL, empty ones kept inside, padding dropped.
  using Arguments = std::vector<std::string>;
  EXPECT_EQ(parse_cmdline(std::string_view("a\0\0b\0", 5)), (Arguments{"a", "", "b"}));
  EXPECT_EQ(parse_cmdline(std::string_view("postgres: writer \0\0\0", 20)),
            (Arguments{"postgres: writer "}));
  EXPECT_TRUE(parse_cmdline("").empty());
}

TEST(ProcText, FindsListeners) {
  // Goal: only listening sockets of the port count, and addresses read as people write them.
  const std::vector<ListeningSocket> expected{{"127.0.0.1:5432", 9001}};
  EXPECT_EQ(parse_listeners(kTcp, 5432), expected);
  EXPECT_TRUE(parse_listeners(kTcp, 5433).empty());
  const auto v6 =
      parse_listeners("0: 00000000000000000000000001000000:1538 0:0 0A 0:0 0:0 0 0 0 77 1\n", 5432);
  ASSERT_EQ(v6.size(), 1U);
  EXPECT_EQ(v6[0].address, "[::1]:5432");
}

TEST(ProcText, SkipsBrokenSocketRows) {
  // Goal: a malformed row is skipped.
  EXPECT_TRUE(parse_listeners("0: 0100007F 0 0A 0 0 0 0 0 1\n", 5432).empty());
  EXPECT_TRUE(parse_listeners("0: 0100:1538 0 0A 0 0 0 0 0 1\n", 5432).empty());
  EXPECT_TRUE(parse_listeners("0: 0100007F:1538 0 0A 0 0 0 0 0 x\n", 5432).empty());
  EXPECT_TRUE(parse_listeners("0: :1538 0 0A 0 0 0 0 0 1\n", 5432).empty());
}

TEST(ProcText, FindsALockHolder) {
  // Goal: the flock holder of an inode, not a waiter, not a record lock.
  constexpr std::string_view kLocks =
      "1: POSIX  ADVISORY  WRITE 11 fe:00:1048 0 EOF\n"
      "2: FLOCK  ADVISORY  WRITE 22 fe:00:1048 0 EOF\n"
      "2: -> FLOCK  ADVISORY  WRITE 33 fe:00:1049 0 EOF\n";
  EXPECT_EQ(find_lock_holder(kLocks, 1048), 22);
  EXPECT_EQ(find_lock_holder(kLocks, 1049), std::nullopt);
}

}  // namespace
}  // namespace pgkeel::runtime
