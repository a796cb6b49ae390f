// Lock files whole, half written and wrong.
#include "pg/postmaster_pid.hpp"

#include <gtest/gtest.h>

#include "unit/pg/recorded.hpp"

namespace pgkeel::pg {
namespace {

constexpr std::string_view kWhole =
    "29959\n/var/lib/postgresql/15/main\n1795232675\n5432\n/var/run/postgresql\n127.0.0.1\n"
    "  1107788         2\nready   \n";

TEST(PostmasterPid, reads_every_line) {
  // Goal: D12: the pid, directory and start time by which a stale lock is told from a live server.
  const auto file = parse_postmaster_pid(kWhole);
  ASSERT_TRUE(file.has_value()) << file.error().message();
  EXPECT_EQ(file->pid, 29959);
  EXPECT_FALSE(file->standalone);
  EXPECT_EQ(file->data_dir, "/var/lib/postgresql/15/main");
  EXPECT_EQ(file->started_epoch_s, 1795232675);
  EXPECT_EQ(file->port, 5432);
  EXPECT_EQ(file->socket_dir, "/var/run/postgresql");
  EXPECT_EQ(file->listen_address, "127.0.0.1");
  EXPECT_EQ(file->shmem_key, 1107788U);
  EXPECT_EQ(file->shmem_id, 2U);
  EXPECT_EQ(file->status, "ready");
}

TEST(PostmasterPid, reads_those_of_real_servers) {
  // Goal: all six majors write the same form.
  for (const int major : test::kRecordedMajors) {
    const auto file = parse_postmaster_pid(test::recorded(major, "postmaster.pid"));
    ASSERT_TRUE(file.has_value()) << major;
    EXPECT_EQ(file->data_dir, "/recorded/data") << major;
    EXPECT_GT(file->port, 0) << major;
    EXPECT_EQ(file->status, "ready") << major;
    EXPECT_GT(file->shmem_key, 0U) << major;
  }
}

TEST(PostmasterPid, a_file_still_being_written_parses_as_far_as_it_goes) {
  // Goal: reading at any moment of a start gives what is there, and never half a number.
  for (std::size_t size = kWhole.find('\n') + 1; size <= kWhole.size(); ++size) {
    const auto file = parse_postmaster_pid(kWhole.substr(0, size));
    ASSERT_TRUE(file.has_value()) << size;
    EXPECT_TRUE(file->port == 0 || file->port == 5432) << size;
    EXPECT_TRUE(file->status.empty() || file->status == "ready") << size;
  }
}

TEST(PostmasterPid, empty_lines_mean_none) {
  // Goal: a server without socket or TCP says so with empty lines.
  const auto file = parse_postmaster_pid("7\n/data\n1\n5432\n\n\n1 2\nstandby \n");
  ASSERT_TRUE(file.has_value());
  EXPECT_TRUE(file->socket_dir.empty());
  EXPECT_TRUE(file->listen_address.empty());
  EXPECT_EQ(file->status, "standby");
}

TEST(PostmasterPid, a_negative_pid_is_single_user_mode) {
  // Goal: a standalone backend is seen as such, with its pid.
  const auto file = parse_postmaster_pid("-42\n/data\n");
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->pid, 42);
  EXPECT_TRUE(file->standalone);
}

TEST(PostmasterPid, refuses_what_is_no_lock_file) {
  // Goal: garbage never becomes a pid that somebody might signal.
  for (const std::string_view text :
       {std::string_view(""), std::string_view("\n"), std::string_view("abc\n"),
        std::string_view("0\n"), std::string_view("12 34\n"), std::string_view("99999999999\n"),
        std::string_view("-2147483648\n"), std::string_view("1\n/data\nsoon\n"),
        std::string_view("1\n/data\n1\n70000\n"), std::string_view("1\n/da\0ta\n", 9)})
    EXPECT_EQ(parse_postmaster_pid(text).error().code, ErrorCode::Malformed) << text;
  EXPECT_FALSE(parse_postmaster_pid(std::string(kLockFileBytesMax + 1, '1')).has_value());
}

TEST(SocketLock, reads_five_lines) {
  // Goal: D13: who left the socket's lock.
  const auto lock = parse_socket_lock("22\n/data\n1795232675\n5433\n/tmp\n");
  ASSERT_TRUE(lock.has_value());
  EXPECT_EQ(lock->pid, 22);
  EXPECT_EQ(lock->port, 5433);
  EXPECT_EQ(lock->socket_dir, "/tmp");
  EXPECT_EQ(socket_lock_name(lock->port), ".s.PGSQL.5433.lock");
  EXPECT_EQ(socket_name(lock->port), ".s.PGSQL.5433");
}

}  // namespace
}  // namespace pgkeel::pg
