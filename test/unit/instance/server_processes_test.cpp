#include "instance/server_processes.hpp"

#include <gtest/gtest.h>

namespace pgkeel::instance {
namespace {

TEST(ServerExecutable, IsPostgresByAnyPath) {
  // Goal: the program is known also after an upgrade replaced it under the running server.
  for (const char* ours : {"/usr/lib/postgresql/15/bin/postgres", "postgres", "/x/postmaster",
                           "/usr/lib/postgresql/15/bin/postgres (deleted)"})
    EXPECT_TRUE(is_server_executable(ours)) << ours;
  for (const char* other : {"", "/usr/bin/psql", "/usr/bin/postgres-exporter", "/postgres/bash"})
    EXPECT_FALSE(is_server_executable(other)) << other;
}

TEST(InnerPid, IsTheLastNumberOfTheLine) {
  // Goal: a process in a container is known by the pid it has in there.
  EXPECT_EQ(parse_inner_pid("Name:\tpostgres\nNSpid:\t4711\t1\nNSpgid:\t4711\t1\n"), 1);
  EXPECT_EQ(parse_inner_pid("Name:\tpostgres\nNSpid:\t4711\n"), 4711);
  EXPECT_EQ(parse_inner_pid("Name:\tpostgres\n"), 0);
  EXPECT_EQ(parse_inner_pid("NSpid:"), 0);
}

}  // namespace
}  // namespace pgkeel::instance
