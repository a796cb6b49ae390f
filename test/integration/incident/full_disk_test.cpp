// The state directory on a small file system of its own (a tmpfs in a mount namespace of the test;
// needs root, otherwise skipped).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstring>

#include "incident/journal.hpp"
#include "incident/store.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::incident {
namespace {

using testing::HasSubstr;

class FullDisk : public testing::Test {
 protected:
  void mount_small(const std::string& size) {
    static const bool own_mounts = ::unshare(CLONE_NEWNS) == 0 &&
                                   ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    const auto options = "size=" + size;
    if (!own_mounts || ::mount("none", dir_.path().c_str(), "tmpfs", 0, options.c_str()) != 0)
      GTEST_SKIP() << "cannot mount here: " << std::strerror(errno);
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
  }
  [[nodiscard]] std::filesystem::path state_dir() const { return dir_ / "state"; }

  /// Writes until nothing fits any more.
  void fill() const {
    const int fd = ::open((dir_ / "filler").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
    const std::string bytes(4096, 'x');
    for (auto size = bytes.size(); size > 0; size /= 2)
      while (::write(fd, bytes.data(), size) > 0) {
      }
    ::close(fd);
  }
  void make_room() const { std::filesystem::remove(dir_ / "filler"); }

  static Incident incident() {
    Incident made;
    made.opened_at = wall_now();
    made.cause = "disk_full";
    made.summary = std::string(8'000, 's');
    return made;
  }

 private:
  test::TempDir dir_;
  bool mounted_ = false;
};

TEST_F(FullDisk, AFreshStateIsRefusedAndLeavesNothing) {
  // No room for a new state: DiskFull with the numbers, and not one file or directory is made.
  ASSERT_NO_FATAL_FAILURE(mount_small("256k"));
  if (IsSkipped()) return;
  const auto refused = Store::open(state_dir());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::DiskFull);
  EXPECT_THAT(refused.error().message(), HasSubstr(state_dir().string()));
  EXPECT_FALSE(std::filesystem::exists(state_dir()));
}

TEST_F(FullDisk, AnOpenJournalSaysSoAndGoesOnLater) {
  // The disk fills while the guard runs: DiskFull, never half an incident, and room brings it back.
  ASSERT_NO_FATAL_FAILURE(mount_small("4m"));
  if (IsSkipped()) return;
  const auto store = Store::open(state_dir()).value();
  Journal journal(*store);
  const auto before = journal.open(incident()).value();
  fill();
  Result<std::string> refused = "";
  std::size_t accepted = 1;
  for (int tries = 0; refused && tries < 2'000; ++tries) {
    refused = journal.open(incident());
    accepted += refused ? 1 : 0;
  }
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::DiskFull);
  EXPECT_EQ(journal.list(10'000)->size(), accepted);
  EXPECT_TRUE(journal.load(before)) << "reading needs no room";
  make_room();
  EXPECT_TRUE(journal.open(incident()));
  EXPECT_EQ(journal.list(10'000)->size(), accepted + 1);
}

TEST_F(FullDisk, AStateThatWasThereIsLeftAlone) {
  // A guard started on a full disk without a reserve is told so; what it knew is untouched and
  // opens once there is room.
  ASSERT_NO_FATAL_FAILURE(mount_small("4m"));
  if (IsSkipped()) return;
  const auto id = Journal(*Store::open(state_dir()).value()).open(incident()).value();
  EXPECT_FALSE(std::filesystem::exists(state_dir() / "reserve"))
      << "a small disk is left to others";
  fill();
  const auto refused = Store::open(state_dir());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::DiskFull) << refused.error().message();
  make_room();
  const auto store = Store::open(state_dir());
  ASSERT_TRUE(store) << store.error().message();
  EXPECT_EQ((*store)->set_aside_note(), "");
  EXPECT_TRUE(Journal(**store).load(id));
}

TEST_F(FullDisk, TheReserveLetsAGuardStartAndJournal) {
  // State and database share a disk and the database has filled it: a guard started now opens, and
  // journals a whole recovery; once the incident is closed and there is room, the reserve is back.
  ASSERT_NO_FATAL_FAILURE(mount_small("48m"));
  if (IsSkipped()) return;
  const auto reserve = state_dir() / "reserve";
  Store::open(state_dir()).value().reset();
  ASSERT_TRUE(std::filesystem::exists(reserve));
  fill();
  const auto store = Store::open(state_dir());
  ASSERT_TRUE(store) << store.error().message();
  Journal journal(**store);
  auto opened = incident();
  opened.id = journal.open(opened).value();
  for (int step = 0; step < 40; ++step) {
    const auto action = journal.begin_action(opened.id, {.playbook = {},
                                                         .step = "free_space",
                                                         .detail = {},
                                                         .started_at = wall_now(),
                                                         .ended_at = {},
                                                         .note = {}});
    ASSERT_TRUE(action) << action.error().message();
    ASSERT_TRUE(journal.end_action(*action, ActionOutcome::Done, "", wall_now()));
  }
  EXPECT_FALSE(std::filesystem::exists(reserve));
  opened.state = IncidentState::Closed;
  ASSERT_TRUE(journal.update(opened));
  EXPECT_FALSE(std::filesystem::exists(reserve)) << "the disk is still full";
  make_room();
  ASSERT_TRUE(journal.update(opened));
  EXPECT_TRUE(std::filesystem::exists(reserve));
}

TEST_F(FullDisk, ARunningGuardGivesTheReserveUp) {
  // The disk fills under an open journal: the call that would fail is made with the reserve's room.
  ASSERT_NO_FATAL_FAILURE(mount_small("48m"));
  if (IsSkipped()) return;
  const auto store = Store::open(state_dir()).value();
  Journal journal(*store);
  fill();
  std::size_t written = 0;
  while (std::filesystem::exists(state_dir() / "reserve") && written < 2'000) {
    ASSERT_TRUE(journal.open(incident()));
    ++written;
  }
  EXPECT_FALSE(std::filesystem::exists(state_dir() / "reserve"));
  EXPECT_EQ(journal.list(10'000)->size(), written);
}

}  // namespace
}  // namespace pgkeel::incident
