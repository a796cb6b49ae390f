// The crash walk: the guard is killed between every two lines of the journal, in every step of
// every playbook; the next guard has to finish what was begun. For each place the fault is caused
// that leads to it, the guard dies there by SIGKILL (the fault point's mark proves where), a second
// guard takes over. One stage carries all cases of a fault, one after the other.
#include <fmt/format.h>

#include <array>
#include <functional>
#include <set>

#include "chaos/archived.hpp"
#include "chaos/crash.hpp"
#include "chaos/freezer.hpp"
#include "recover/executor.hpp"
#include "recover/playbook.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

struct Walk {
  std::string_view fault;  ///< of the demo
  std::string_view playbook;
};

constexpr auto kWalks = std::to_array<Walk>({
    {"server_killed", "restart_server"},
    {"server_hung", "resume_server"},
    {"config_broken", "restore_configuration"},
    {"control_file_lost", "restore_control_file"},
    {"volume_lost", "reattach_data"},
    {"wrong_identity", "reattach_data"},
    {"database_dropped", "recreate_database"},
    {"table_dropped", "recreate_table"},
});
constexpr std::string_view kWalkedBelow = "create_database";  // by configuration, not by a fault
constexpr std::string_view kContained = "replace_fresh_cluster";  // in container_test.cpp
constexpr std::string_view kRelieves = "relieve_memory";          // there, too
constexpr std::string_view kTwinned = "end_second_server";        // there, too
constexpr std::string_view kArchived = "restore_data";            // needs an archive
constexpr std::string_view kRebuildsIndex = "rebuild_index";      // in index_test.cpp
// In sessions_test.cpp.
constexpr std::string_view kEndsSessions = "end_idle_sessions";
constexpr std::string_view kEndsTransaction = "end_idle_transaction";
// In undrop_archive_test.cpp.
constexpr std::string_view kUndropsTable = "restore_table";
constexpr std::string_view kUndropsDatabase = "restore_database";
// In own_slot_test.cpp and disks_and_damage_test.cpp.
constexpr std::string_view kDropsSlot = "drop_own_slot";
constexpr std::string_view kLowersWorkers = "lower_parallel_workers";
constexpr std::string_view kRestoresBeside = "restore_beside";
constexpr std::string_view kBallasted = "make_room";            // in disks_and_damage_test.cpp
constexpr std::string_view kOwned = "mend_permissions";         // in mended_files_test.cpp
constexpr std::string_view kPutBack = "put_control_file_back";  // in mended_files_test.cpp
constexpr std::string_view kFrozen = "replace_hung_server";     // the demo does not wait for it

// The walk restarts the server more often than any budget allows, looks more often whether it hangs
// and waits less for one that does.
Scene walk_scene() {
  auto scene = build_scene({{"PGKEEL_RECOVER_RESTARTS", "500 per 300s"},
                            {"PGKEEL_RECOVER_HUNG_AFTER", "5s"},
                            {"PGKEEL_SENSE_LOGIN_EVERY", "1s"},
                            {"PGKEEL_SENSE_IN_DOUBT", "300ms"}});
  if (scene.stage) add_writer(scene);
  return scene;
}

using Inject = std::function<void(app::Stage&)>;

void walk_place(Scene& scene, const Walk& walk, const std::string& name, const Inject& inject) {
  SCOPED_TRACE(fmt::format("{} at {}", walk.fault, name));
  auto& stage = *scene.stage;
  const auto mark = stage.directory() / "mark";
  fs::remove(mark);
  stage.end_guard();
  ASSERT_TRUE(stage.start_guard(crash_at(mark, name)).has_value());
  const auto ready = stage.await_ready();
  ASSERT_TRUE(ready.has_value()) << ready.error().message();
  ASSERT_NO_FATAL_FAILURE(inject(stage));
  ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene, mark));
  ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(scene, walk.fault));
  const auto known = stage.await_known();
  ASSERT_TRUE(known.has_value()) << known.error().message();
}

void walk_step(Scene& scene, const Walk& walk, const recover::Step& step, const Inject& inject) {
  for (const auto place : kPlaces)
    ASSERT_NO_FATAL_FAILURE(walk_place(
        scene, walk, recover::fault_point_name(walk.playbook, step.name, place), inject));
}

void walk_playbook_in(Scene& scene, const Walk& walk, const Inject& inject) {
  for (const auto& step : recover::playbook_by_name(walk.playbook).steps)
    ASSERT_NO_FATAL_FAILURE(walk_step(scene, walk, step, inject));
}

void walk_playbook(const Walk& walk, const Inject& inject) {
  auto scene = walk_scene();
  ASSERT_TRUE(scene.stage);
  walk_playbook_in(scene, walk, inject);
}

class CrashWalk : public testing::TestWithParam<Walk> {};

TEST_P(CrashWalk, TheNextGuardFinishesWhatWasBegun) {
  // A guard killed anywhere in this playbook is followed by one that heals the server (D6 E6).
  const auto& fault = fault_named(GetParam().fault);
  walk_playbook(GetParam(), [&](app::Stage& stage) {
    const auto injected = fault.inject(stage);
    ASSERT_TRUE(injected.has_value()) << injected.error().message();
  });
}

INSTANTIATE_TEST_SUITE_P(Every, CrashWalk, testing::ValuesIn(kWalks), [](const auto& walk) {
  return fmt::format("{}_{}", walk.param.playbook, walk.param.fault);
});

// A test per step: it takes a quarter of a minute at each place to be sure that a server hangs.
class FrozenWalk : public testing::TestWithParam<std::size_t> {};

std::size_t frozen_steps() { return recover::playbook_by_name(kFrozen).steps.size(); }

TEST_P(FrozenWalk, ReplaceHungServer) {
  // A server that is neither stopped nor dead and does nothing is replaced, by whichever guard
  // comes to the end of it (D6 E6).
  const Freezer freezer;
  if (!freezer.possible()) GTEST_SKIP() << "needs root and a cgroup2 file system";
  auto scene = walk_scene();
  ASSERT_TRUE(scene.stage);
  const auto& step = recover::playbook_by_name(kFrozen).steps[GetParam()];
  walk_step(scene, {"server_hung", kFrozen}, step, [&](app::Stage& stage) {
    freezer.clear();
    stage.note_broken();
    ASSERT_TRUE(freezer.freeze(stage.instance().data_dir()));
  });
}

INSTANTIATE_TEST_SUITE_P(Every, FrozenWalk, testing::Range(std::size_t{0}, frozen_steps()),
                         [](const auto& index) {
                           return std::string(
                               recover::playbook_by_name(kFrozen).steps[index.param].name);
                         });

// What restores left beside the data directory: each is as large as the cluster.
std::vector<std::string> restored_copies(app::Stage& stage) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(stage.instance().data_dir().parent_path()))
    if (const auto name = entry.path().filename().string();
        name.find(".pgkeel-restor") != std::string::npos)
      names.push_back(name);
  return names;
}

TEST(CrashWalkOf, RestoreData) {
  // A guard killed while it restores a lost data directory, or while its restore still runs, is
  // followed by one that has every acknowledged commit back, and nothing of the copies that were
  // not placed is left (D6 D7 E6 X2).
  Archived archived({{"PGKEEL_RECOVER_RESTARTS", "500 per 300s"}});
  ASSERT_TRUE(archived.built());
  ASSERT_TRUE(archived.await_backup());
  add_writer(archived.scene());
  walk_playbook_in(archived.scene(), {"volume_lost", "restore_data"}, [&](app::Stage&) {
    ASSERT_TRUE(archived.await_synchronous());
    ASSERT_NO_FATAL_FAILURE(archived.lose_the_volume());
  });
  EXPECT_THAT(restored_copies(archived.stage()), testing::IsEmpty());
}

TEST(CrashWalkOf, CreateDatabase) {
  // A guard killed while it creates a required database is followed by one that has it (C1 B7 D6).
  auto scene = walk_scene();
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  for (const auto place : kPlaces) {
    SCOPED_TRACE(place);
    const auto database = fmt::format("walk_{}", place);
    const app::GuardEnvironment wanted = {{"PGKEEL_INSTANCE_DATABASES", "shop," + database}};
    const auto mark = stage.directory() / "mark";
    fs::remove(mark);
    stage.end_guard();
    auto environment =
        crash_at(mark, recover::fault_point_name("create_database", "create_database", place));
    environment.insert(environment.end(), wanted.begin(), wanted.end());
    stage.note_broken();
    ASSERT_TRUE(stage.start_guard(environment).has_value());
    ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene, mark));
    ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(scene, "database_missing", wanted));
    const auto there = stage.sql(database, "select 1");
    EXPECT_TRUE(there.has_value()) << there.error().message();
  }
}

TEST(CrashWalkOf, EveryPlaybookIsWalked) {
  // A playbook that is added without being walked is noticed here.
  std::set<std::string_view> walked{kWalkedBelow,  kFrozen,          kContained, kArchived,
                                    kUndropsTable, kUndropsDatabase, kOwned,     kBallasted};
  walked.insert({kTwinned, kRelieves, kEndsSessions, kEndsTransaction, kRebuildsIndex, kPutBack,
                 kRestoresBeside});
  walked.insert({kDropsSlot, kLowersWorkers});
  for (const auto& walk : kWalks) walked.insert(walk.playbook);
  for (const auto* playbook : recover::all_playbooks())
    EXPECT_TRUE(walked.contains(playbook->name)) << playbook->name;
}

}  // namespace
}  // namespace pgkeel::chaos
