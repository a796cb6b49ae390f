// What is freed on a full disk without a word of a person, and what a person is told: copies on the
// very disk that retention does not ask for, and temporary files beyond what the operator allows.
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "chaos/clients.hpp"
#include "chaos/crash.hpp"
#include "chaos/doctor.hpp"
#include "chaos/volume.hpp"
#include "recover/executor.hpp"
#include "runtime/process.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

using incident::Incident;

constexpr std::string_view kFull = "disk_full";
constexpr std::uint64_t kLeft = 1U << 20U;
constexpr Seconds kCommandMost{60};
constexpr auto kRows =
    "select md5(i::text) || md5((i + 1)::text) m from generate_series(1, 1500000) i";

class MakeRoom : public testing::Test {
 protected:
  void build(const std::string& size, app::GuardEnvironment environment,
             const std::string& ballast = "0") {
    if (!own_mounts()) GTEST_SKIP() << "needs root and mount namespaces";
    volume_.emplace(dir_.path(), size);
    ASSERT_TRUE(volume_->attach());
    environment.insert(environment.end(), {{"PGKEEL_INSTANCE_DATA_DIR", volume_->place() / "data"},
                                           {"PGKEEL_RECOVER_BALLAST", ballast}});
    scene_ = build_small_server(std::move(environment));
    ASSERT_TRUE(scene_.stage);
    add_writer(scene_);
    ASSERT_TRUE(service_restored(scene_));
    ASSERT_NO_FATAL_FAILURE(make_wal_beforehand());
    // Without WAL: only the data's disk is met.
    ASSERT_TRUE(stage().sql("postgres", "create unlogged table filling (v text)").has_value());
  }
  // Segments for the writer, whatever is free by then: full is the disk of the data.
  void make_wal_beforehand() {
    constexpr int kSegments = 14;
    for (const auto* setting : {"max_wal_size = '256MB'", "min_wal_size = '256MB'"})
      ASSERT_TRUE(stage().sql("postgres", fmt::format("alter system set {}", setting)));
    ASSERT_TRUE(stage().sql("postgres", "select pg_reload_conf()"));
    for (int i = 0; i < kSegments; ++i)
      ASSERT_TRUE(stage().sql("postgres",
                              "select pg_logical_emit_message(false, '', 'x'), pg_switch_wal()"));
    ASSERT_TRUE(stage().sql("postgres", "checkpoint"));
  }
  void TearDown() override {
    clients_.clear();
    if (HasFailure() && scene_.stage) stage().keep();
    scene_ = {};  // before the mount its server stands on
    volume_.reset();
  }
  app::Stage& stage() { return *scene_.stage; }

  [[nodiscard]] fs::path filler() const { return volume_->place() / "somebody's"; }
  // Leaves next to nothing, and lets the server meet it.
  void fill() {
    stage().note_broken();
    const auto free = fs::space(volume_->place()).available;
    std::ofstream(filler(), std::ios::app) << std::string(free - std::min(free, kLeft), 'x');
    // Fails, but for a guard that has made room by then.
    static_cast<void>(stage().sql(
        "postgres", "insert into filling select repeat('x', 100) from generate_series(1, 100000)"));
  }
  void make_room_again() {
    fs::remove(filler());
    ASSERT_TRUE(stage().sql("postgres", "truncate filling").has_value());
  }
  void begin_guard(const app::GuardEnvironment& more) {
    stage().end_guard();
    ASSERT_TRUE(stage().start_guard(more).has_value());
    const auto ready = stage().await_ready();
    const auto status = stage().client().get("/api/v1/status");
    ASSERT_TRUE(ready.has_value()) << ready.error().message() << "\n"
                                   << (status ? status->dump(2) : status.error().message());
  }
  [[nodiscard]] bool holds_much() {
    return test::wait_until(
        [&] { return ask(stage(), "select sum(size) > 100000000 from pg_ls_tmpdir()") == "t"; },
        kPatience);
  }
  Client& holder() {
    clients_.clear();
    clients_.push_back(std::make_unique<Client>(stage(), "crowd", "report"));
    EXPECT_EQ(clients_.back()->refused(), "");
    return *clients_.back();
  }
  void hold_a_cursor() {
    ASSERT_TRUE(holder().run(fmt::format("declare c cursor with hold for {}", kRows)));
    ASSERT_TRUE(holds_much());
  }
  void run_pgkeel(std::vector<std::string> words) {
    runtime::ProcessSpec spec;
    spec.argv = {PGKEEL_BINARY};
    spec.argv.insert(spec.argv.end(), words.begin(), words.end());
    spec.argv.insert(spec.argv.end(), {"--config", (stage().directory() / "pgkeel.toml").string()});
    spec.environment = stage().environment();
    const auto ran = stage().loop().run_until_complete(
        runtime::run_process(stage().loop(), std::move(spec), stage().loop().after(kCommandMost)));
    ASSERT_TRUE(ran.has_value()) << ran.error().message();
    ASSERT_TRUE(ran->exit.ok()) << ran->out << ran->err;
  }
  [[nodiscard]] std::size_t dumps() const {
    const auto store = fs::path(scene_.stage->config().archive.store.where) / "dumps";
    std::error_code error;
    return static_cast<std::size_t>(std::ranges::count_if(
        fs::directory_iterator(store, error),
        [](const auto& entry) { return fs::exists(entry.path() / "dump.json"); }));
  }
  [[nodiscard]] testing::AssertionResult await_said(std::string_view words) {
    return await_incident(stage(), kFull, [words](const Incident& incident) {
      return std::ranges::any_of(incident.events, [words](const auto& event) {
        return event.text.contains("waiting for a human: ") && event.text.contains(words);
      });
    });
  }
  // Whether it had something to do is not asked: of backups there may be something.
  [[nodiscard]] testing::AssertionResult await_ended(std::string_view step,
                                                     std::string_view words) {
    return await_incident(stage(), kFull, [=](const Incident& incident) {
      return std::ranges::any_of(incident.actions, [&](const incident::Action& action) {
        return action.step == step && action.note.contains(words);
      });
    });
  }
  [[nodiscard]] testing::AssertionResult await_done(
      std::string_view step, std::string_view words,
      incident::ActionOutcome outcome = incident::ActionOutcome::Done) {
    return await_incident(stage(), kFull, [=](const Incident& incident) {
      return std::ranges::any_of(incident.actions, [&](const incident::Action& action) {
        return action.step == step && action.note.contains(words) && action.outcome == outcome;
      });
    });
  }

  test::TempDir dir_;
  std::optional<Volume> volume_;
  Scene scene_;
  Clients clients_;
};

TEST_F(MakeRoom, TemporaryFilesAreToldOfAndEndedOnlyBeyondThePolicy) {
  // Goal: K6 K46: without a policy nobody is ended and a person is told who, what fills the disk
  // and how much to add, by doctor, too; with one the session that merely holds them, or the
  // statement that works, is ended and its room is free (A6 C2 D2 X8).
  ASSERT_NO_FATAL_FAILURE(build("640m", {}));
  if (IsSkipped()) return;
  ASSERT_NO_FATAL_FAILURE(hold_a_cursor());
  ASSERT_NO_FATAL_FAILURE(fill());
  ASSERT_TRUE(await_said("temporary files: select pg_cancel_backend("));
  EXPECT_TRUE(await_said("of 640.0 MB at "));
  EXPECT_TRUE(await_said("give it 128.0 MB more"));
  EXPECT_TRUE(await_said("never VACUUM FULL on a full disk"));
  EXPECT_TRUE(clients_[0]->lives());
  EXPECT_THAT(ask_doctor(stage()).report.dump(), testing::HasSubstr("everything else on it"));

  ASSERT_NO_FATAL_FAILURE(begin_guard({{"PGKEEL_RECOVER_TEMP_FILES", "50MB"}}));
  ASSERT_TRUE(await_done("end_temp_files", "ended the session of pid"));
  // It was told to end; on a busy machine it takes a moment.
  EXPECT_TRUE(test::wait_until([&] { return !clients_[0]->lives(); }, kPatience));
  ASSERT_TRUE(await_healed(stage(), kFull));
  EXPECT_TRUE(service_restored(scene_));

  ASSERT_NO_FATAL_FAILURE(make_room_again());
  auto& works = holder();
  works.send(fmt::format("select pg_sleep(600) from ({} order by 1 offset 1) s limit 1", kRows));
  ASSERT_TRUE(holds_much());
  ASSERT_TRUE(test::wait_until(
      [&] {
        return ask(stage(), "select count(*) from pg_stat_activity where wait_event = 'PgSleep'") ==
               "1";
      },
      kPatience));
  ASSERT_NO_FATAL_FAILURE(fill());
  ASSERT_TRUE(await_done("end_temp_files", "ended the statement of pid"));
  EXPECT_TRUE(works.lives());
  ASSERT_TRUE(await_healed(stage(), kFull));
  EXPECT_TRUE(service_restored(scene_));
}

TEST_F(MakeRoom, AGuardKilledWhileItEndsThemIsFollowedByOneThatFinishes) {
  // Goal: D6 E6: at every line of that step.
  ASSERT_NO_FATAL_FAILURE(build("640m", {{"PGKEEL_RECOVER_TEMP_FILES", "50MB"}}));
  if (IsSkipped()) return;
  for (const auto place : kPlaces) {
    SCOPED_TRACE(place);
    const auto mark = stage().directory() / "mark";
    fs::remove(mark);
    ASSERT_NO_FATAL_FAILURE(hold_a_cursor());
    ASSERT_NO_FATAL_FAILURE(begin_guard(
        crash_at(mark, recover::fault_point_name("make_room", "end_temp_files", place))));
    ASSERT_NO_FATAL_FAILURE(fill());
    ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark));
    ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(scene_, kFull));
    EXPECT_FALSE(clients_[0]->lives());
    ASSERT_NO_FATAL_FAILURE(make_room_again());
  }
}

TEST_F(MakeRoom, OldDumpsOnTheFullDiskGoAndThreeStay) {
  // Goal: K6: with the ballast given up, of the dumps on the very disk all but the three newest go,
  // once one is proven; the server is back with every row (A6 D2 X8).
  ASSERT_NO_FATAL_FAILURE(build("900m",
                                {{"PGKEEL_ARCHIVE_STORE", dir_ / "place/archive"},
                                 {"PGKEEL_ARCHIVE_DRILL_DIR", dir_ / "drill"}},
                                "64MB"));
  if (IsSkipped()) return;
  const auto ballast = volume_->place() / "data.pgkeel-ballast";
  const auto reserved = [&] { return fs::exists(ballast); };
  ASSERT_TRUE(stage().sql("shop", fmt::format("create table bulk as {} limit 500000", kRows)));
  for (int i = 0; i < 5; ++i) ASSERT_NO_FATAL_FAILURE(run_pgkeel({"dump", "now"}));
  ASSERT_TRUE(test::wait_until(reserved, kPatience));
  ASSERT_NO_FATAL_FAILURE(fill());
  ASSERT_TRUE(await_ended("expire_copies", "dumps: nothing removed")) << "none is proven";
  EXPECT_TRUE(await_done("tell_what_fills_it", "pgkeel backup expire --down-to 3 --yes"));
  EXPECT_EQ(dumps(), 5U);
  ASSERT_NO_FATAL_FAILURE(make_room_again());
  ASSERT_NO_FATAL_FAILURE(run_pgkeel({"dump", "drill"}));
  ASSERT_TRUE(test::wait_until(reserved, 2 * kPatience));
  ASSERT_NO_FATAL_FAILURE(fill());
  ASSERT_TRUE(await_done("expire_copies", "MB removed"));
  EXPECT_EQ(dumps(), 3U);
  EXPECT_TRUE(service_restored(scene_));
}

}  // namespace
}  // namespace pgkeel::chaos
