// The error table as a contract: names unique and stable in form, exit numbers known, hints useful.
#include "base/error.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

namespace pgkeel {
namespace {

TEST(ErrorTable, names_are_unique_and_snake_case) {
  // Goal: a name in a log or in JSON stands for exactly one code.
  std::set<std::string_view> names;
  for (const auto& row : error_table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name << " twice";
    EXPECT_TRUE(std::ranges::all_of(row.name, [](char c) {
      return (c >= 'a' && c <= 'z') || c == '_';
    })) << row.name;
  }
}

TEST(ErrorTable, every_code_finds_its_own_row) {
  // Goal: the enumerators and the table are in one order.
  for (const auto& row : error_table()) EXPECT_EQ(&error_info(row.code), &row) << row.name;
}

TEST(ErrorTable, exit_numbers_are_those_of_the_contract) {
  // Goal: no error ends a process with 0 or with a number nobody documented.
  for (const auto& row : error_table()) {
    EXPECT_GE(row.exit_number, 1) << row.name;
    EXPECT_LE(row.exit_number, 7) << row.name;
  }
  EXPECT_EQ(error_info(ErrorCode::Usage).exit_number, 2);
  EXPECT_EQ(error_info(ErrorCode::StateLocked).exit_number, 3);
  EXPECT_EQ(error_info(ErrorCode::Refused).exit_number, 4);
  EXPECT_EQ(error_info(ErrorCode::GuardNotRunning).exit_number, 5);
  EXPECT_EQ(error_info(ErrorCode::TimedOut).exit_number, 6);
  EXPECT_EQ(error_info(ErrorCode::AdviceOnly).exit_number, 7);
}

TEST(ErrorTable, every_hint_is_a_sentence) {
  // Goal: each says what to do next, in words that start and stand by themselves.
  for (const auto& row : error_table()) {
    EXPECT_GE(row.hint.size(), 15U) << row.name;
    EXPECT_FALSE(row.hint.ends_with(' ')) << row.name;
  }
}

TEST(Error, message_puts_the_outermost_context_first) {
  // Goal: the line reads from what was wanted down to what failed, and names the server's code.
  Error error(ErrorCode::Query, "relation \"users\" does not exist");
  error.sqlstate = "42P01";
  error = std::move(error).with_context("run the schema probe").with_context("diagnose");
  EXPECT_EQ(error.message(),
            "diagnose: run the schema probe: relation \"users\" does not exist (SQLSTATE 42P01)");
}

TEST(Error, without_a_detail_the_name_speaks) {
  // Goal: a message is never empty.
  EXPECT_EQ(Error(ErrorCode::TimedOut, "").message(), "timed_out");
}

TEST(Error, from_errno_chooses_the_narrow_code) {
  // Goal: a full disk, a missing right and a missing file are told apart; the number is kept.
  EXPECT_EQ(Error::from_errno(ENOSPC, "write x").code, ErrorCode::DiskFull);
  EXPECT_EQ(Error::from_errno(EDQUOT, "write x").code, ErrorCode::DiskFull);
  EXPECT_EQ(Error::from_errno(EACCES, "open x").code, ErrorCode::Permission);
  EXPECT_EQ(Error::from_errno(ENOENT, "open x").code, ErrorCode::NotFound);
  const auto io = Error::from_errno(EIO, "read x");
  EXPECT_EQ(io.code, ErrorCode::Io);
  EXPECT_EQ(io.sys_errno, EIO);
  EXPECT_TRUE(io.message().starts_with("read x: "));
}

TEST(Error, a_place_that_knows_better_replaces_the_hint) {
  // Goal: with_hint wins over the table, and only there.
  const auto error = Error(ErrorCode::Io, "x").with_hint("Plug the disk in.");
  EXPECT_EQ(error.hint(), "Plug the disk in.");
  EXPECT_EQ(Error(ErrorCode::Io, "x").hint(), error_info(ErrorCode::Io).hint);
}

}  // namespace
}  // namespace pgkeel
