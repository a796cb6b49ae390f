// The data directory is removed for good, and the archive brings it back. Commits are synchronous
// with the archive, so nothing acknowledged may be missing.
#include <sys/mount.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <set>

#include "chaos/archived.hpp"
#include "chaos/crash.hpp"
#include "chaos/volume.hpp"
#include "recover/executor.hpp"
#include "runtime/process.hpp"
#include "shadow/standby/status.hpp"
#include "support/child.hpp"
#include "support/postgres_server.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 2;
constexpr const char* kRoundsVariable = "PGKEEL_TEST_ROUNDS";  // more of them, for a longer proof
constexpr int kRowsMost = 200;
constexpr const char* kKept = "pgkeel-aside-20260101T000000Z";

// DIR/store, by the real binary from a cluster of its own, which ends with this.
void make_foreign_archive(const fs::path& dir) {
  const test::PostgresServer other({.identity = test::Identity::Fresh});
  fs::permissions(dir, fs::perms(0755));
  test::give_to_server(dir);
  const auto file = dir / "pgkeel.toml";
  std::ofstream(file) << "state_dir = \"state\"\n[instance]\nkind = \"managed\"\ndata_dir = \""
                      << other.data_dir().string() << "\"\n[archive]\nstore = \"store\"\n";
  test::run_child({PGKEEL_BINARY, "--config", file.string(), "backup", "now"}, dir / "log");
}

bool tells_of_another_cluster(const incident::Incident& incident) {
  return incident.state == incident::IncidentState::Waiting &&
         std::ranges::any_of(incident.actions, [](const incident::Action& action) {
           return action.note.find("the archive holds another cluster") != std::string::npos;
         });
}

int rounds() {
  const char* wanted = std::getenv(kRoundsVariable);
  return wanted == nullptr ? kRounds : std::max(1, std::atoi(wanted));
}

// A longer proof says how far it is.
void say_round(int round) {
  if (rounds() > kRounds) std::cout << "round " << round + 1 << std::endl;
}

// After as many more rows as chance wills.
bool await_some_moment(Scene& scene, std::mt19937& random) {
  const auto more = std::uniform_int_distribution<std::int64_t>(0, kRowsMost)(random);
  const auto until = scene.writer->tally().acknowledged + more;
  return test::wait_until([&] { return scene.writer->tally().acknowledged >= until; }, kPatience);
}

TEST(LostVolume, IsRestoredWithEveryAcknowledgedCommit) {
  // Goal: rm -rf of the data directory under a writer, at a random moment, again and again: the
  // guard restores it by itself and nothing acknowledged is lost (A3 D7 D10 X2 X4).
  std::mt19937 random(std::random_device{}());
  Archived archived;
  ASSERT_TRUE(archived.built());
  ASSERT_TRUE(archived.await_backup());
  ASSERT_TRUE(archived.await_synchronous());
  add_writer(archived.scene());
  for (int round = 0; round < rounds(); ++round) {
    SCOPED_TRACE(round);
    say_round(round);
    ASSERT_TRUE(archived.await_synchronous());
    ASSERT_TRUE(await_some_moment(archived.scene(), random));
    ASSERT_NO_FATAL_FAILURE(archived.lose_the_volume());
    // A scheduled backup that met the loss has an incident of its own, and its next turn later.
    ASSERT_TRUE(await_incident(archived.stage(), "volume_lost", [](const auto& incident) {
      return healed(incident) && incident.loss.empty() && incident.rows_lost == 0;
    }));
    ASSERT_TRUE(service_restored(archived.scene()));
  }
}

// What the ledger holds of the rows numbered in `of`.
std::set<std::int64_t> present_of(app::Stage& stage, const std::set<std::int64_t>& of) {
  std::set<std::int64_t> present;
  const auto rows = stage.sql("shop", "select n from ledger");
  for (std::size_t row = 0; rows && row < rows->size(); ++row)
    if (const auto number = rows->int64(row, 0).value_or(-1); of.contains(number))
      present.insert(number);
  return present;
}

bool tells_its_tail(const incident::Incident& incident) {
  return healed(incident) && !incident.rows_lost && incident.loss.size() == 1 &&
         incident.loss.front().contains("committed after");
}

TEST(LostVolume, WithoutSyncLosesOnlyATailThatIsTold) {
  // Goal: where commits do not wait for the archive, what is missing is the newest of them and
  // nothing before it, and the incident says so instead of claiming that nothing was lost (D7 D15).
  Archived archived({}, "async");
  ASSERT_TRUE(archived.built());
  auto& stage = archived.stage();
  ASSERT_TRUE(archived.await_backup());
  add_writer(archived.scene());
  auto& writer = *archived.scene().writer;
  std::mt19937 random(std::random_device{}());
  std::set<std::int64_t> missing;  // since earlier rounds
  for (int round = 0; round < rounds(); ++round) {
    SCOPED_TRACE(round);
    say_round(round);
    ASSERT_TRUE(await_some_moment(archived.scene(), random));
    ASSERT_NO_FATAL_FAILURE(archived.lose_the_volume());
    const auto lost_at = SteadyClock::now();
    const auto newest = *writer.acknowledged().rbegin();
    ASSERT_TRUE(await_incident(stage, "volume_lost", tells_its_tail));
    ASSERT_TRUE(test::wait_until([&] { return writer.last_acknowledged() > lost_at; }, kPatience));
    auto acknowledged = writer.acknowledged();  // one may have been noted late, so not before
    for (const auto number : missing) acknowledged.erase(number);
    const auto present = present_of(stage, acknowledged);
    std::vector<std::int64_t> gone;
    std::ranges::set_difference(acknowledged, present, std::back_inserter(gone));
    missing.insert(gone.begin(), gone.end());
    if (gone.empty()) continue;
    const auto first = acknowledged.find(gone.front());
    EXPECT_TRUE(std::equal(gone.begin(), gone.end(), first)) << "not in one run";
    EXPECT_GE(gone.back(), newest) << "what came after it is there";
  }
}

bool follows(const app::Stage& stage) {
  const auto status =
      shadow::read_shadow_status(stage.config().state_dir / shadow::kShadowStatusFile);
  return status && status->state == shadow::ShadowState::Following;
}

TEST(LostVolume, IsServedFromTheShadow) {
  // Goal: where there is a shadow it is neither taken for the lost directory nor left idle: what it
  // has replayed need not be copied; nothing acknowledged is lost, and the next shadow is built
  // (A3 D7 D14 X2).
  Archived archived({{"PGKEEL_SHADOW_ENABLED", "true"}});
  ASSERT_TRUE(archived.built());
  ASSERT_TRUE(archived.await_backup());
  ASSERT_TRUE(archived.await_synchronous());
  add_writer(archived.scene());
  ASSERT_TRUE(test::wait_until([&] { return follows(archived.stage()); }, 2 * kPatience));
  for (int round = 0; round < rounds(); ++round) {
    SCOPED_TRACE(round);
    say_round(round);
    ASSERT_TRUE(archived.await_synchronous());
    ASSERT_NO_FATAL_FAILURE(archived.lose_the_volume());
    ASSERT_TRUE(await_incident(archived.stage(), "volume_lost", [](const auto& incident) {
      const auto from_shadow = [](const incident::Action& action) {
        return action.note.contains("\"from\":\"shadow\"");
      };
      return healed(incident) && std::ranges::any_of(incident.actions, from_shadow);
    }));
    ASSERT_TRUE(service_restored(archived.scene()));
    ASSERT_TRUE(test::wait_until([&] { return follows(archived.stage()); }, 2 * kPatience));
  }
}

TEST(LostVolume, TakingTheShadowMayBeKilled) {
  // Goal: whoever takes the shadow's copy is killed while it is no shadow any more and no cluster
  // in its place yet: the volume is served from the backup then, with every acknowledged commit,
  // what was half taken is gone, and there is a shadow again (A3 D7 E6).
  Archived archived({{"PGKEEL_SHADOW_ENABLED", "true"}});
  ASSERT_TRUE(archived.built());
  auto& stage = archived.stage();
  ASSERT_TRUE(archived.await_backup());
  add_writer(archived.scene());
  for (const auto* point : {"shadow_copy.handed", "shadow_copy.no_standby"}) {
    SCOPED_TRACE(point);
    const auto mark = stage.directory() / point;
    stage.end_guard();
    ASSERT_TRUE(stage.start_guard(crash_at(mark, point)).has_value());
    ASSERT_TRUE(stage.await_ready().has_value());
    ASSERT_TRUE(archived.await_synchronous());
    ASSERT_TRUE(test::wait_until([&] { return follows(stage); }, 3 * kPatience));
    ASSERT_NO_FATAL_FAILURE(archived.lose_the_volume());
    ASSERT_TRUE(await_healed(stage, "volume_lost"));
    EXPECT_TRUE(fs::exists(mark)) << "it was not killed";
    ASSERT_TRUE(service_restored(archived.scene()));
    for (const auto& entry : fs::directory_iterator(stage.instance().data_dir().parent_path()))
      EXPECT_FALSE(entry.path().filename().string().contains(".pgkeel-restor")) << entry.path();
  }
  EXPECT_TRUE(test::wait_until([&] { return follows(stage); }, 3 * kPatience));
}

// The data directory, with whatever runs in it, as a mount point of its own.
class MountedOnItself {
 public:
  explicit MountedOnItself(fs::path directory)
      : directory_(std::move(directory)),
        mounted_(::mount(directory_.c_str(), directory_.c_str(), nullptr, MS_BIND, nullptr) == 0) {}
  ~MountedOnItself() {
    if (mounted_) ::umount2(directory_.c_str(), MNT_DETACH);
  }
  MountedOnItself(const MountedOnItself&) = delete;
  MountedOnItself& operator=(const MountedOnItself&) = delete;
  [[nodiscard]] bool done() const { return mounted_; }

 private:
  fs::path directory_;
  bool mounted_;
};

// What an earlier recovery kept within the mount point, in the archive's newest backup too.
void keep_something_within(Archived& archived) {
  auto& stage = archived.stage();
  const auto kept = stage.instance().data_dir() / kKept;
  fs::create_directory(kept);
  std::ofstream(kept / "word") << "kept";
  for (const auto& path : {kept, kept / "word"}) test::give_to_server(path);
  runtime::ProcessSpec spec;
  spec.argv = {PGKEEL_BINARY, "backup", "now", "--config",
               (stage.directory() / "pgkeel.toml").string()};
  spec.environment = {{"PGKEEL_ARCHIVE_STORE", stage.config().archive.store.where}};
  std::string said;
  const auto backed_up = [&] {
    auto& loop = stage.loop();
    const auto ran =
        loop.run_until_complete(runtime::run_process(loop, spec, loop.after(kPatience)));
    if (ran) said = ran->err;
    return ran && ran->exit.ok();  // else the guard's own backup runs
  };
  ASSERT_TRUE(test::wait_until(backed_up, kPatience)) << said;
}

// rm -rf of what the server has in the mount point, then SIGKILL to it.
void lose_what_is_mounted(app::Stage& stage) {
  const auto server = postmaster_pid(stage);
  ASSERT_NE(server, 0);
  stage.note_broken();
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(stage.instance().data_dir(), error))
    if (entry.path().filename() != kKept) fs::remove_all(entry.path(), error);
  static_cast<void>(::kill(server, SIGKILL));
}

std::vector<fs::path> restored_within(app::Stage& stage) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(stage.instance().data_dir()))
    if (entry.path().filename().string().starts_with("pgkeel-restor"))
      found.push_back(entry.path());
  return found;
}

TEST(LostVolume, AMountPointIsRestoredIntoItself) {
  // Goal: everything of the server in a data directory that is a mount point is removed under a
  // writer: it cannot be renamed, its entries are, and nothing acknowledged is lost. What an
  // earlier recovery kept in it stays, although the backup holds it as well (A3 D7 D10 X2).
  if (!own_mounts()) GTEST_SKIP() << "needs root and mount namespaces";
  Archived archived;
  ASSERT_TRUE(archived.built());
  ASSERT_TRUE(archived.await_backup());
  ASSERT_TRUE(archived.await_synchronous());
  add_writer(archived.scene());
  const auto data_dir = archived.stage().instance().data_dir();
  const MountedOnItself mount(data_dir);
  ASSERT_TRUE(mount.done());
  ASSERT_NO_FATAL_FAILURE(keep_something_within(archived));
  ASSERT_TRUE(archived.await_synchronous());
  ASSERT_NO_FATAL_FAILURE(lose_what_is_mounted(archived.stage()));
  ASSERT_TRUE(await_healed(archived.stage(), "volume_lost"));
  ASSERT_TRUE(service_restored(archived.scene()));
  EXPECT_TRUE(fs::exists(data_dir / kKept / "word"));
  EXPECT_THAT(restored_within(archived.stage()), testing::IsEmpty());
}

// The mount point holds one more directory: the copy, by a name that this says.
bool names_the_copy(const incident::Incident& incident) {
  return incident.state == incident::IncidentState::Waiting &&
         std::ranges::any_of(incident.events, [](const auto& event) {
           return event.text.find("/pgkeel-restore-") != std::string::npos;
         });
}

TEST(LostVolume, AKillBetweenTwoEntriesIsToldAndLosesNothing) {
  // Goal: a guard killed while it moves the restored entries into a mount point is followed by one
  // that starts nothing, removes nothing and says where the rest is; moved there by hand, it is the
  // cluster with every acknowledged commit (D6 D7 E6 X2).
  if (!own_mounts()) GTEST_SKIP() << "needs root and mount namespaces";
  Archived archived;
  ASSERT_TRUE(archived.built());
  auto& stage = archived.stage();
  ASSERT_TRUE(archived.await_backup());
  add_writer(archived.scene());
  const auto data_dir = stage.instance().data_dir();
  const MountedOnItself mount(data_dir);
  ASSERT_TRUE(mount.done());
  const auto mark = stage.directory() / "mark";
  stage.end_guard();
  ASSERT_TRUE(stage.start_guard(crash_at(mark, "swap.entry_in")).has_value());
  ASSERT_TRUE(stage.await_ready().has_value());
  ASSERT_TRUE(archived.await_synchronous());
  ASSERT_NO_FATAL_FAILURE(archived.lose_the_volume());
  ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(archived.scene(), mark));
  ASSERT_TRUE(stage.start_guard().has_value());
  ASSERT_TRUE(await_incident(stage, "volume_lost", names_the_copy));
  const auto rest = restored_within(stage);
  ASSERT_EQ(rest.size(), 1U);
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(rest.front())) entries.push_back(entry.path());
  std::ranges::partition(entries,
                         [](const fs::path& entry) { return entry.filename() != "global"; });
  for (const auto& entry : entries) fs::rename(entry, data_dir / entry.filename());
  ASSERT_TRUE(await_incident(stage, "volume_lost", [](const auto& incident) {
    return healed(incident) && !incident.rows_lost;  // nobody knows what a human put there
  }));
  ASSERT_TRUE(service_restored(archived.scene()));
}

bool says(const incident::Incident& incident, std::string_view words) {
  return std::ranges::any_of(incident.events, [&](const auto& event) {
    return event.text.find(words) != std::string::npos;
  });
}

TEST(LostVolume, WhatHappensDuringARestoreIsSeenBeforeItIsPlaced) {
  // Goal: a pause that was asked for while a restore ran is obeyed, and what a human copied into
  // the mount point meanwhile is never mixed with what is restored (D6 D7 X8).
  if (!own_mounts()) GTEST_SKIP() << "needs root and mount namespaces";
  Archived archived;
  ASSERT_TRUE(archived.built());
  auto& stage = archived.stage();
  ASSERT_TRUE(archived.await_backup());
  add_writer(archived.scene());
  ASSERT_TRUE(archived.await_synchronous());
  const auto data_dir = stage.instance().data_dir();
  const MountedOnItself mount(data_dir);
  ASSERT_TRUE(mount.done());
  ASSERT_NO_FATAL_FAILURE(archived.lose_the_volume());
  const auto restores = [&] { return !restored_within(stage).empty(); };
  ASSERT_TRUE(test::wait_until(restores, kPatience));
  ASSERT_TRUE(stage.client().post("/api/v1/pause", app::Json::object()).has_value());
  ASSERT_TRUE(await_incident(stage, "volume_lost", [](const auto& incident) {
    return says(incident, "(place_restored_data) ended early: paused");
  }));
  EXPECT_FALSE(fs::exists(data_dir / "base"));
  const auto first = restored_within(stage);
  ASSERT_TRUE(stage.client().post("/api/v1/resume", app::Json::object()).has_value());
  ASSERT_TRUE(
      test::wait_until([&] { return restores() && restored_within(stage) != first; }, kPatience));
  std::ofstream(data_dir / "half") << "copied";
  ASSERT_TRUE(await_incident(stage, "volume_lost", [](const auto& incident) {
    return says(incident, "is incomplete by now") && says(incident, "/pgkeel-restore-");
  }));
  EXPECT_FALSE(fs::exists(data_dir / "base"));
  fs::remove(data_dir / "half");
  stage.end_guard();  // the next one does not wait before it tries again
  ASSERT_TRUE(stage.start_guard().has_value());
  ASSERT_TRUE(await_healed(stage, "volume_lost"));
  ASSERT_TRUE(service_restored(archived.scene()));
}

// Waits, and says where the known data is and that the place cannot be renamed to.
auto tells_both_places(const fs::path& place, const fs::path& moved) {
  return [place, moved](const incident::Incident& incident) {
    return incident.state == incident::IncidentState::Waiting &&
           std::ranges::any_of(incident.actions, [&](const incident::Action& action) {
             return action.note.contains("whole in " + moved.string() + ", and " + place.string() +
                                         " is a mount point") &&
                    action.note.contains("what stands there is the cluster ");
           });
  };
}

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

TEST(LostVolume, AStrangerInAMountPointIsTakenApartByNobody) {
  // Goal: another cluster stands in a data directory that is a mount point, and the known data is
  // whole beside it. A guard killed in its attempt has moved no entry, and the next one says which
  // directory holds what; by hand it is the cluster with every row (D6 E6 X8).
  if (!own_mounts()) GTEST_SKIP() << "needs root and mount namespaces";
  auto scene = build_scene();
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  ASSERT_TRUE(service_restored(scene));
  const auto place = stage.instance().data_dir();
  const auto moved = fs::path(place.string() + ".moved");
  stage.end_guard();
  ASSERT_TRUE(fault_named("wrong_identity").inject(stage).has_value());
  const MountedOnItself mount(place);
  ASSERT_TRUE(mount.done());
  const auto strangers = names_in(place);
  const auto known = names_in(moved);
  const auto mark = stage.directory() / "mark";
  const auto name = recover::fault_point_name("reattach_data", "search_lost_data", "acted");
  ASSERT_TRUE(stage.start_guard(crash_at(mark, name)).has_value());
  ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene, mark));
  ASSERT_TRUE(stage.start_guard().has_value());
  ASSERT_TRUE(await_incident(stage, "wrong_identity", tells_both_places(place, moved)));
  EXPECT_EQ(names_in(place), strangers);
  EXPECT_EQ(names_in(moved), known);
  ASSERT_EQ(postmaster_pid(stage), 0);
  const auto by_hand =
      "cd " + place.string() +
      " && mkdir other && mv -n $(ls -A | grep -vx other) other && mv -n $(ls -Ad " +
      moved.string() + "/* | grep -v /global$) . && mv -n " + moved.string() + "/global .";
  ASSERT_EQ(std::system(by_hand.c_str()), 0) << by_hand;
  ASSERT_TRUE(await_healed(stage, "wrong_identity"));
  ASSERT_TRUE(service_restored(scene));
}

TEST(LostVolume, AnotherClustersArchiveIsNeverPutIntoThePlace) {
  // Goal: an archive that belongs to another cluster is recognised before the rename; its place
  // stays empty and a human is called (D6 D7 X8).
  const test::TempDir dir;
  make_foreign_archive(dir.path());
  auto scene = build_scene({{"PGKEEL_ARCHIVE_STORE", (dir.path() / "store").string()}});
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  const auto server = postmaster_pid(stage);
  ASSERT_NE(server, 0);
  stage.note_broken();
  std::error_code error;
  fs::remove_all(stage.instance().data_dir(), error);
  static_cast<void>(::kill(server, SIGKILL));
  ASSERT_TRUE(await_incident(stage, "volume_lost", tells_of_another_cluster));
  EXPECT_FALSE(fs::exists(stage.instance().data_dir()));
  EXPECT_TRUE(stays_down(stage));
}

}  // namespace
}  // namespace pgkeel::chaos
