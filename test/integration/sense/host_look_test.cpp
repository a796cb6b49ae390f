// What the machine says of itself, of a process in a mount namespace of its own, and of groups of
// processes as the kernel lays them out.
#include "sense/host_look.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>

#include "support/temp_dir.hpp"

namespace pgkeel::sense {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const Space* space_of(const HostFacts& facts, SpaceRole role) {
  for (const auto& space : facts.spaces)
    if (space.role == role) return &space;
  return nullptr;
}

HostFacts look_at(HostPlaces places) {
  HostLook look(std::move(places));
  look.run();
  EXPECT_TRUE(look.finished());
  return look.so_far();
}

void write(const fs::path& path, std::string_view text) { std::ofstream(path) << text; }

class HostLookTest : public testing::Test {
 protected:
  HostLookTest() {
    for (const char* name : {"data", "data/pg_wal", "data/pg_tblspc", "space"})
      fs::create_directory(dir_ / name);
    fs::create_symlink(dir_ / "space", dir_ / "data/pg_tblspc/16401");
  }
  ~HostLookTest() override {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  // A process in `data` that sees a small /dev/shm of its own, read-only.
  void start_apart() {
    std::array<int, 2> ready{};
    ASSERT_EQ(::pipe2(ready.data(), O_CLOEXEC), 0);
    const auto home = (dir_ / "data").string();
    child_ = ::fork();
    if (child_ == 0) {
      const bool apart = ::chdir(home.c_str()) == 0 && ::unshare(CLONE_NEWNS) == 0 &&
                         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                         ::mount("t", "/dev/shm", "tmpfs", MS_RDONLY, "size=4m") == 0;
      static_cast<void>(::write(ready[1], apart ? "y" : "n", 1));
      ::pause();
      ::_exit(0);
    }
    char answer = 'n';
    ASSERT_EQ(::read(ready[0], &answer, 1), 1);
    ::close(ready[0]);
    ::close(ready[1]);
    if (answer != 'y') GTEST_SKIP() << "needs root and mount namespaces";
  }

  test::TempDir dir_;
  pid_t child_ = 0;
};

TEST_F(HostLookTest, MeasuresWhatTheServerWritesTo) {
  // Goal: data, tablespaces and /dev/shm with their room; pg_wal only where it is another device;
  // memory and boot time of the machine (C2 D1).
  const auto facts = look_at({dir_ / "data", 0, false});
  const auto* tablespace = space_of(facts, SpaceRole::Tablespace);
  ASSERT_NE(tablespace, nullptr);
  EXPECT_TRUE(tablespace->known());
  EXPECT_EQ(tablespace->name, "16401");
  EXPECT_EQ(tablespace->path, dir_ / "space");
  EXPECT_GT(tablespace->room.bytes_total, 0U);
  EXPECT_NE(tablespace->device, 0U);
  EXPECT_NE(space_of(facts, SpaceRole::SharedMemory), nullptr);
  EXPECT_GT(facts.memory_bytes, facts.memory_available_bytes);
  EXPECT_TRUE(facts.booted_at.has_value());
}

TEST_F(HostLookTest, WithoutAServerTheGuardsOwnViewCounts) {
  // Goal: a dead server's directories are measured too; a pg_wal on another device is a place of
  // its own, and a lost tablespace says so (C2).
  fs::remove(dir_ / "data/pg_wal");
  fs::create_symlink("/proc", dir_ / "data/pg_wal");
  fs::remove(dir_ / "space");
  const auto facts = look_at({dir_ / "data", 0, true});
  ASSERT_NE(space_of(facts, SpaceRole::Data), nullptr);
  EXPECT_TRUE(space_of(facts, SpaceRole::Data)->known());
  EXPECT_FALSE(space_of(facts, SpaceRole::Data)->read_only);
  ASSERT_NE(space_of(facts, SpaceRole::Wal), nullptr);
  EXPECT_EQ(space_of(facts, SpaceRole::Wal)->path, "/proc");
  EXPECT_FALSE(space_of(facts, SpaceRole::Tablespace)->known());
  EXPECT_EQ(space_of(facts, SpaceRole::SharedMemory), nullptr);
  EXPECT_FALSE(facts.group.has_value());
}

TEST_F(HostLookTest, SharedMemoryIsTheServersOwn) {
  // Goal: a server in a mount namespace of its own has its own /dev/shm, and its links lead to its
  // own files (D1, container rows D8).
  start_apart();
  if (IsSkipped()) return;
  const auto facts = look_at({dir_ / "data", child_, true});
  ASSERT_THAT(facts.spaces, SizeIs(3));
  const auto* shared = space_of(facts, SpaceRole::SharedMemory);
  ASSERT_NE(shared, nullptr);
  EXPECT_EQ(shared->room.bytes_total, 4U << 20U);
  EXPECT_TRUE(shared->read_only);
  EXPECT_TRUE(space_of(facts, SpaceRole::Data)->known());
  // Where it is below the other's /dev/shm, that hides it from the server, and so from this look.
  const bool hidden = dir_.path().native().starts_with("/dev/shm/");
  EXPECT_EQ(space_of(facts, SpaceRole::Tablespace)->known(), !hidden);
}

TEST_F(HostLookTest, WhatIsBeingLookedAtDoesNotAnswerYet) {
  // Goal: a look that hangs tells where, instead of nothing (C2).
  const HostLook look({dir_ / "data", 0, false});
  EXPECT_FALSE(look.finished());
  ASSERT_THAT(look.so_far().spaces, SizeIs(1));
  EXPECT_THAT(look.so_far().spaces.front().unavailable, Not(IsEmpty()));
}

TEST_F(HostLookTest, TheTightestLimitOnTheWayUpCounts) {
  // Goal: the group's own kills, and of all limits above it the one that is met first, in both
  // versions (C2 K1).
  const auto top = (dir_ / "space").string();
  fs::create_directories(dir_ / "space/pod/server");
  write(dir_ / "space/pod/server/memory.current", "3000\n");
  write(dir_ / "space/pod/server/memory.max", "9000\n");
  write(dir_ / "space/pod/server/memory.events", "low 0\noom 9\noom_kill 4\n");
  write(dir_ / "space/pod/memory.current", "7000\n");
  write(dir_ / "space/pod/memory.max", "8000\n");
  write(dir_ / "space/memory.max", "1\n");  // of all: none
  const auto mount = "41 31 0:38 / " + top + " rw - cgroup2 cgroup2 rw\n";
  const auto group = read_group_memory("0::/pod/server\n", mount);
  ASSERT_TRUE(group.has_value());
  EXPECT_EQ(group->limit_bytes, 8000U);
  EXPECT_EQ(group->used_bytes, 7000U);
  EXPECT_EQ(group->oom_kills, 4U);
  write(dir_ / "space/pod/memory.max", "max\n");
  EXPECT_EQ(read_group_memory("0::/pod/server\n", mount)->limit_bytes, 9000U);
  EXPECT_EQ(read_group_memory("0::/pod/server\n", mount)->used_bytes, 3000U);
  write(dir_ / "space/pod/memory.limit_in_bytes", "5000\n");
  write(dir_ / "space/pod/memory.usage_in_bytes", "4000\n");
  const auto old = "35 31 0:32 /docker " + top + " rw - cgroup cgroup rw,memory\n";
  EXPECT_EQ(read_group_memory("4:memory:/docker/pod\n0::/\n", old)->limit_bytes, 5000U);
  EXPECT_FALSE(read_group_memory("0::/gone\n", mount).has_value());
  EXPECT_FALSE(read_group_memory("", mount).has_value());
}

TEST_F(HostLookTest, ProcessesAreCountedAgainstTheTightestLimit) {
  // Goal: pids.max on the way up, with what that group has; the limits of the process itself (K36
  // K55).
  const auto top = (dir_ / "space").string();
  fs::create_directories(dir_ / "space/pod/server");
  write(dir_ / "space/pod/server/pids.current", "30\n");
  write(dir_ / "space/pod/server/pids.max", "max\n");
  const auto mount = "41 31 0:38 / " + top + " rw - cgroup2 cgroup2 rw\n";
  ProcessRoom room;
  read_group_processes("0::/pod/server\n", mount, room);
  EXPECT_EQ(room.group_used, 30U);
  EXPECT_EQ(room.group_limit, 0U);
  write(dir_ / "space/pod/pids.current", "70\n");
  write(dir_ / "space/pod/pids.max", "80\n");
  read_group_processes("0::/pod/server\n", mount, room);
  EXPECT_EQ(room.group_used, 70U);
  EXPECT_EQ(room.group_limit, 80U);
  HostLook look({dir_ / "data", ::getpid(), false});
  look.run();
  ASSERT_TRUE(look.so_far().processes);
  struct rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  const auto expected = files.rlim_cur == RLIM_INFINITY ? 0 : files.rlim_cur;
  EXPECT_EQ(look.so_far().processes->open_files, expected);
}

}  // namespace
}  // namespace pgkeel::sense
