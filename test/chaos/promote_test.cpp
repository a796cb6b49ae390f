// The shadow takes the server's place on purpose, under a writer whose every commit waits for the
// archive: it is killed anywhere and given again.
#include <csignal>
#include <fstream>

#include <fmt/format.h>

#include "chaos/archived.hpp"
#include "chaos/clients.hpp"
#include "chaos/crash.hpp"
#include "runtime/process.hpp"
#include "shadow/standby/status.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

constexpr Seconds kCommandMost{120};

class Promote : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(archived_.built());
    ASSERT_TRUE(archived_.await_backup());
    ASSERT_TRUE(archived_.await_synchronous());
    add_writer(archived_.scene());
    ASSERT_TRUE(service_restored(archived_.scene()));
    ASSERT_TRUE(shadow_follows());
  }
  void TearDown() override {
    if (HasFailure() && archived_.built()) stage().keep();
  }
  app::Stage& stage() { return archived_.stage(); }
  testing::AssertionResult shadow_follows() {
    const auto file = stage().config().state_dir / shadow::kShadowStatusFile;
    const auto follows = [&] {
      const auto status = shadow::read_shadow_status(file);
      return status && status->state == shadow::ShadowState::Following;
    };
    if (test::wait_until(follows, 3 * kPatience)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "the shadow does not follow";
  }
  runtime::ProcessOutput promote(const std::vector<std::string>& words,
                                 const app::GuardEnvironment& more = {}) {
    runtime::ProcessSpec spec;
    spec.argv = {PGKEEL_BINARY, "promote", "--config",
                 (stage().directory() / "pgkeel.toml").string()};
    spec.argv.insert(spec.argv.end(), words.begin(), words.end());
    spec.environment = stage().environment();
    spec.environment.emplace_back("PGKEEL_ARCHIVE_STORE", stage().config().archive.store.where);
    spec.environment.insert(spec.environment.end(), more.begin(), more.end());
    auto& loop = stage().loop();
    const auto ran = loop.run_until_complete(
        runtime::run_process(loop, std::move(spec), loop.after(kCommandMost)));
    EXPECT_TRUE(ran.has_value()) << ran.error().message();
    return ran.value_or(runtime::ProcessOutput{});
  }
  std::string answer(const std::string& question) { return ask(stage(), question); }
  // Nothing an unfinished one leaves: its mark, its job, its copy, a paused guard.
  void expect_over() {
    EXPECT_FALSE(fs::exists(stage().config().state_dir / "promoting"));
    for (const auto& entry : fs::directory_iterator(stage().instance().data_dir().parent_path()))
      EXPECT_FALSE(entry.path().filename().string().contains(".pgkeel-in-place")) << entry.path();
    const auto status = stage().client().get("/api/v1/status");
    ASSERT_TRUE(status.has_value());
    EXPECT_FALSE(status->value("paused", true));
  }
  [[nodiscard]] std::size_t kept_aside() {
    const auto place = stage().instance().data_dir();
    std::size_t kept = 0;
    for (const auto& entry : fs::directory_iterator(place.parent_path()))
      if (entry.path().filename().string().starts_with(place.filename().string() +
                                                       ".pgkeel-aside-"))
        ++kept;
    return kept;
  }

  Archived archived_{{{"PGKEEL_SHADOW_ENABLED", "true"}}};
};

using PromoteOnPurpose = Promote;

TEST_F(PromoteOnPurpose, KeepsEveryCommitAndTheConfiguration) {
  // Goal: issue 7, part 6: asked without --yes nothing happens; then the copy serves on a new
  // timeline with every acknowledged commit and what was configured since the backup, the old
  // directory is kept, commits wait for the archive again and there is another shadow (X2 X8).
  ASSERT_TRUE(stage().sql("postgres", "alter system set work_mem = '7MB'"));
  const auto shown = promote({});
  EXPECT_TRUE(shown.exit.ok()) << shown.err;
  EXPECT_TRUE(shown.out.contains("add --yes")) << shown.out;
  EXPECT_EQ(answer("select timeline_id from pg_control_checkpoint()"), "1");
  EXPECT_EQ(kept_aside(), 0U);
  const auto done = promote({"--yes"});
  ASSERT_TRUE(done.exit.ok()) << done.out << done.err;
  EXPECT_TRUE(done.out.contains("on timeline 2")) << done.out;
  ASSERT_TRUE(service_restored(archived_.scene()));
  EXPECT_EQ(answer("select pg_walfile_name(pg_current_wal_lsn()) like '00000002%'"), "t");
  EXPECT_EQ(answer("show work_mem"), "7MB");
  EXPECT_EQ(kept_aside(), 1U);
  expect_over();
  ASSERT_TRUE(archived_.await_synchronous());
  ASSERT_TRUE(shadow_follows());
  EXPECT_TRUE(service_restored(archived_.scene()));
}

TEST_F(PromoteOnPurpose, PutsNothingIntoThePlaceThatLacksAnything) {
  // Goal: rule 1: the receiver hangs, so the archive lacks what the server wrote last: the server
  // is started again as it was, the command says how far the archive goes (X2 X8).
  ASSERT_TRUE(stage().sql("postgres", "alter system set wal_sender_timeout = '1s'"));
  ASSERT_TRUE(stage().sql("postgres", "select pg_reload_conf()"));
  const auto receiver = archived_.status();
  ASSERT_TRUE(receiver);
  ASSERT_EQ(::kill(receiver->pid, SIGSTOP), 0);
  const auto refused = promote({"--yes"});
  ASSERT_EQ(::kill(receiver->pid, SIGCONT), 0);
  EXPECT_EQ(refused.exit.code, 3) << refused.out << refused.err;
  EXPECT_TRUE(refused.err.contains("the archive ends at")) << refused.err;
  EXPECT_EQ(answer("select timeline_id from pg_control_checkpoint()"), "1");
  EXPECT_EQ(kept_aside(), 0U);
  ASSERT_TRUE(archived_.await_synchronous());
  ASSERT_TRUE(service_restored(archived_.scene()));
  expect_over();
  EXPECT_TRUE(shadow_follows());
}

TEST_F(PromoteOnPurpose, AServerThatDoesNotStartIsNoSuccess) {
  // Goal: what was configured since the last start does not let it start: the command fails and
  // says why, and, given again once that is mended, finishes (X2 X8).
  const auto file = stage().instance().data_dir() / "postgresql.conf";
  const auto length = fs::file_size(file);
  std::ofstream(file, std::ios::app) << "shared_bufers = 2GB  # a typo\n";
  const auto failed = promote({"--yes"});
  EXPECT_FALSE(failed.exit.ok()) << failed.out;
  EXPECT_TRUE(failed.err.contains("shared_bufers")) << failed.err;
  EXPECT_EQ(kept_aside(), 1U);
  fs::resize_file(file, length);
  const auto again = promote({"--yes"});
  EXPECT_TRUE(again.exit.ok()) << again.err;
  ASSERT_TRUE(service_restored(archived_.scene()));
  EXPECT_EQ(kept_aside(), 1U);
  expect_over();
}

TEST_P(Promote, KilledAnywhereIsFinishedOrUndoneByTheNext) {
  // Goal: issue 7: killed at any step, the command given again promotes, or starts the server as it
  // was and says why; nothing acknowledged is lost, nothing half made stays (E6 X2 X8).
  const auto mark = stage().directory() / "mark";
  const auto killed = promote({"--yes"}, crash_at(mark, GetParam()));
  EXPECT_EQ(killed.exit.signal, SIGKILL) << killed.out << killed.err;
  ASSERT_TRUE(fs::exists(mark));
  const auto again = promote({"--yes"});
  SCOPED_TRACE(again.out + again.err);
  ASSERT_TRUE(service_restored(archived_.scene()));
  EXPECT_EQ(kept_aside(), again.exit.ok() ? 1U : 0U);
  expect_over();
  EXPECT_TRUE(shadow_follows());
}

INSTANTIATE_TEST_SUITE_P(Every, Promote,
                         testing::Values("promote.stopped", "shadow_copy.handed",
                                         "in_place.complete", "in_place.aside", "promote.placed",
                                         "promote.started"),
                         [](const auto& point) {
                           std::string name = point.param;
                           std::ranges::replace(name, '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace pgkeel::chaos
