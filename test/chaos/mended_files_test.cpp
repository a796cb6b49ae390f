// What the server refuses to start over, and can be mended without a backup: a control file that is
// damaged or gone, a data directory that is somebody else's. And what is left to a human, because
// the guard's copy or knowledge does not reach.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "chaos/archived.hpp"
#include "chaos/chaos.hpp"
#include "chaos/crash.hpp"
#include "recover/executor.hpp"
#include "recover/playbook.hpp"
#include "runtime/files.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr std::size_t kOwnSteps = 3;  // the others are walked with other playbooks
constexpr std::size_t kControlBytesMax = 16384;

class MendedFiles : public testing::Test {
 protected:
  void SetUp() override {
    scene_ = build_scene({{"PGKEEL_RECOVER_RESTARTS", "500 per 300s"}});
    ASSERT_TRUE(scene_.stage);
    add_writer(scene_);
    ASSERT_TRUE(test::wait_until([&] { return fs::exists(copy()); }, kPatience));
  }

  app::Stage& stage() { return *scene_.stage; }
  fs::path data_dir() { return stage().instance().data_dir(); }
  fs::path control_file() { return data_dir() / "global" / "pg_control"; }
  fs::path copy() { return stage().config().state_dir / "pg_control"; }

  bool same_as_copy() {
    const auto now = runtime::read_file(control_file(), kControlBytesMax);
    const auto kept = runtime::read_file(copy(), kControlBytesMax);
    return now && kept && *now == *kept;
  }

  testing::AssertionResult waits(std::string_view cause, std::string_view words) {
    return await_incident(stage(), cause, [&](const incident::Incident& incident) {
      return incident.state == incident::IncidentState::Waiting &&
             std::ranges::any_of(incident.events, [&](const incident::Event& event) {
               return event.text.contains(words);
             });
    });
  }

  // Whole, in the store.
  bool archived_wal(const std::string& name) {
    std::error_code error;
    const auto wal = fs::path(stage().config().archive.store.where) / "wal";
    for (const auto& entry : fs::recursive_directory_iterator(wal, error))
      if (entry.path().filename().string().starts_with(name + "-")) return true;
    return false;
  }

  // As `sudo cp -r` or a chown of the wrong directory leaves it.
  void give_all_to_root() {
    ASSERT_EQ(::chmod(data_dir().c_str(), 0755), 0);
    for (const auto& entry : fs::recursive_directory_iterator(data_dir()))
      ASSERT_EQ(::lchown(entry.path().c_str(), 0, 0), 0);
    ASSERT_EQ(::lchown(data_dir().c_str(), 0, 0), 0);
  }

  Scene scene_;
};

TEST_F(MendedFiles, ADamagedControlFileIsReplacedAndKept) {
  // Goal: K25: the server replays from the kept copy's checkpoint, nothing acknowledged is lost,
  // and the damaged file is kept (D7 X8).
  ASSERT_TRUE(stage().sql("postgres", "checkpoint").has_value());  // removes old WAL
  ASSERT_TRUE(test::wait_until([&] { return same_as_copy(); }, kPatience));
  std::fstream(control_file(), std::ios::in | std::ios::out | std::ios::binary).seekp(40) << "rot!";
  ASSERT_NO_FATAL_FAILURE(kill_server(stage()));
  ASSERT_TRUE(await_healed(stage(), "control_file_lost"));
  EXPECT_TRUE(service_restored(scene_));
  const auto kept = [](const fs::directory_entry& entry) {
    return entry.path().filename().string().starts_with("pg_control.pgkeel-aside-");
  };
  EXPECT_EQ(std::ranges::count_if(fs::directory_iterator(data_dir()), kept), 1);
}

TEST_F(MendedFiles, ACopyWithoutItsWalIsNotUsed) {
  // Goal: where WAL is missing nothing is written and a human is told what brings everything back
  // (D7); once it is there again the guard goes on by itself.
  const auto wal = data_dir() / "pg_wal";
  stage().note_broken();
  ASSERT_NO_FATAL_FAILURE(kill_server(stage(), SIGSTOP));
  ASSERT_TRUE(fs::remove(control_file()));
  fs::rename(wal, data_dir() / "wal_elsewhere");
  fs::create_directory(wal);
  ASSERT_NO_FATAL_FAILURE(kill_server(stage()));
  ASSERT_TRUE(waits("control_file_lost", "is not in pg_wal"));
  EXPECT_TRUE(waits("control_file_lost", "pgkeel restore --in-place"));
  EXPECT_FALSE(fs::exists(control_file()));
  ASSERT_TRUE(fs::remove(wal));
  fs::rename(data_dir() / "wal_elsewhere", wal);
  ASSERT_TRUE(stage().client().post("/api/v1/resume", app::Json::object()).has_value());
  ASSERT_TRUE(await_healed(stage(), "control_file_lost"));
  EXPECT_TRUE(service_restored(scene_));
}

TEST_F(MendedFiles, AControlFileGoneUnderARunningServerIsPutBack) {
  // Goal: K25: the server goes on, its next checkpoint writes to the file, a crash then loses
  // nothing; a guard killed at any place of it is followed by one that finishes (D6 D7 X8).
  const auto server = postmaster_pid(stage());
  const auto& playbook = recover::playbook_by_name("put_control_file_back");
  for (const auto& step : playbook.steps)
    for (const auto place : kPlaces) {
      const auto name = recover::fault_point_name(playbook.name, step.name, place);
      SCOPED_TRACE(name);
      const auto mark = stage().directory() / "mark";
      fs::remove(mark);
      stage().end_guard();
      ASSERT_TRUE(stage().start_guard(crash_at(mark, name)).has_value());
      ASSERT_TRUE(stage().await_ready().has_value());
      ASSERT_TRUE(test::wait_until([&] { return same_as_copy(); }, kPatience));
      stage().note_broken();
      ASSERT_TRUE(fs::remove(control_file()));
      ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark));
      ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(scene_, "control_file_lost"));
      EXPECT_EQ(incident_of(stage(), "control_file_lost")->subject, "control_file");
      EXPECT_EQ(postmaster_pid(stage()), server);
      struct stat status{};
      ASSERT_EQ(::stat(control_file().c_str(), &status), 0);
      EXPECT_EQ(status.st_uid, stage().instance().inspect_data_dir().owner->uid);
    }
  ASSERT_TRUE(stage().sql("postgres", "checkpoint").has_value());
  stage().note_broken();
  ASSERT_NO_FATAL_FAILURE(kill_server(stage()));
  ASSERT_TRUE(await_healed(stage(), "server_killed"));
  EXPECT_TRUE(service_restored(scene_));
}

TEST_F(MendedFiles, WalLostFromTheMiddleComesFromTheArchive) {
  // Goal: K12 K25: the replay from the kept copy needs a segment that pg_wal has lost: it is
  // fetched, nothing that is there is replaced, and no row is lost (D7 X8); a guard killed at any
  // place of it is followed by one that finishes.
  scene_ = {};
  Archived archived({{"PGKEEL_RECOVER_RESTARTS", "500 per 300s"}});
  ASSERT_TRUE(archived.built());
  ASSERT_TRUE(archived.await_backup());
  scene_ = std::move(archived.scene());
  add_writer(scene_);
  for (const auto place : kPlaces) {
    SCOPED_TRACE(place);
    const auto mark = stage().directory() / "mark";
    fs::remove(mark);
    stage().end_guard();
    ASSERT_TRUE(
        stage()
            .start_guard(crash_at(mark, recover::fault_point_name("restore_control_file",
                                                                  "fetch_missing_wal", place)))
            .has_value());
    ASSERT_TRUE(stage().await_ready().has_value());
    ASSERT_TRUE(stage().sql("postgres", "checkpoint").has_value());
    ASSERT_TRUE(test::wait_until([&] { return same_as_copy(); }, kPatience));
    std::string lost;
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(stage().sql("shop", "select pg_logical_emit_message(true, 'fill', 'x')"));
      const auto rows = stage().sql("shop", "select pg_walfile_name(pg_switch_wal())");
      ASSERT_TRUE(rows.has_value()) << rows.error().message();
      if (i == 1) lost = rows->text(0, 0).value_or("");
    }
    ASSERT_TRUE(test::wait_until([&] { return archived_wal(lost); }, kPatience)) << lost;
    stage().note_broken();
    ASSERT_NO_FATAL_FAILURE(kill_server(stage(), SIGSTOP));
    ASSERT_TRUE(fs::remove(control_file()));
    ASSERT_TRUE(fs::remove(data_dir() / "pg_wal" / lost));
    ASSERT_NO_FATAL_FAILURE(kill_server(stage()));
    ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark));
    ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(scene_, "control_file_lost"));
  }
}

TEST_F(MendedFiles, ADirectoryOfRootIsGivenBack) {
  // Goal: D4 D10: owner and mode come back throughout, and the server starts; a guard killed at any
  // place of it is followed by one that finishes.
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const auto owner = stage().instance().inspect_data_dir().owner->uid;
  const auto steps = recover::playbook_by_name("mend_permissions").steps;
  for (const auto& step : steps.first(kOwnSteps))
    for (const auto place : kPlaces) {
      const auto name = recover::fault_point_name("mend_permissions", step.name, place);
      SCOPED_TRACE(name);
      const auto mark = stage().directory() / "mark";
      fs::remove(mark);
      stage().end_guard();
      ASSERT_TRUE(stage().start_guard(crash_at(mark, name)).has_value());
      ASSERT_TRUE(stage().await_ready().has_value());
      ASSERT_NO_FATAL_FAILURE(kill_server(stage(), SIGSTOP));
      ASSERT_NO_FATAL_FAILURE(give_all_to_root());
      ASSERT_NO_FATAL_FAILURE(kill_server(stage()));
      ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark));
      ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(scene_, "wrong_permissions"));
      struct stat status{};
      ASSERT_EQ(::stat(control_file().c_str(), &status), 0);
      EXPECT_EQ(status.st_uid, owner);
    }
}

TEST_F(MendedFiles, ADirectoryOfTwoStrangersIsLeftAlone) {
  // Goal: D10: what two other accounts share is nobody's mistake to guess at: a human.
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  ASSERT_NO_FATAL_FAILURE(kill_server(stage(), SIGSTOP));
  const auto owner = *stage().instance().inspect_data_dir().owner;
  ASSERT_NO_FATAL_FAILURE(give_all_to_root());
  ASSERT_EQ(::lchown((data_dir() / "PG_VERSION").c_str(), owner.uid + 1, owner.gid), 0);
  ASSERT_NO_FATAL_FAILURE(kill_server(stage()));
  ASSERT_TRUE(waits("wrong_permissions", "chown -R"));
  EXPECT_EQ(stage().instance().inspect_data_dir().owner->uid, 0U);
  for (const auto& entry : fs::recursive_directory_iterator(data_dir()))
    ASSERT_EQ(::lchown(entry.path().c_str(), owner.uid, owner.gid), 0);
  ASSERT_EQ(::lchown(data_dir().c_str(), owner.uid, owner.gid), 0);
  ASSERT_EQ(::chmod(data_dir().c_str(), 0700), 0);
  ASSERT_TRUE(await_healed(stage(), "wrong_permissions"));
  EXPECT_TRUE(service_restored(scene_));
}

}  // namespace
}  // namespace pgkeel::chaos
