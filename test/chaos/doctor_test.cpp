// doctor on a server that is well, on a dead one without a guard, on one whose data is gone, and
// over a log that somebody filled with lies. It names, it says what it is not, it changes nothing.
#include <gtest/gtest.h>

#include <fstream>

#include "chaos/doctor.hpp"
#include "instance/data_dir.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

constexpr int kWell = 0;
constexpr int kCritical = 1;

app::Json answer(const app::Json& report, std::string_view name) {
  for (const auto& one : app::member(report, "audit"))
    if (app::text_of(one, "name") == name) return one;
  return {};
}

class DoctorTest : public testing::Test {
 protected:
  void SetUp() override {
    scene_ = build_scene();
    ASSERT_TRUE(scene_.stage);
  }
  void TearDown() override {
    if (HasFailure() && scene_.stage) stage().keep();
  }
  void lose_guard_and_server() {
    ASSERT_TRUE(stage().kill_guard().has_value());
    kill_server(stage());
    ASSERT_TRUE(test::wait_until([&] { return postmaster_pid(stage()) == 0; }, kPatience));
  }
  app::Stage& stage() { return *scene_.stage; }

  Scene scene_;
};

TEST_F(DoctorTest, AServerThatIsWellAndThenDead) {
  // Goal: B9 C2 C6 D2: well is said plainly; killed without a guard is named with its evidence,
  // with what it is not and what a guard would do; nothing of it is changed by asking.
  ASSERT_TRUE(stage().sql("postgres", "alter system set log_statement = 'ddl'"));
  ASSERT_TRUE(stage().sql("postgres", "select pg_reload_conf()"));
  const auto well = ask_doctor(stage());
  EXPECT_EQ(well.exit_code, kWell) << well.report.dump(1);
  EXPECT_TRUE(app::member(well.report, "findings").empty());
  EXPECT_EQ(app::text_of(answer(well.report, "volume"), "kind"), "fine");

  ASSERT_TRUE(stage().sql("postgres", "create table passing (n int)"));
  ASSERT_TRUE(stage().sql("postgres", "drop table passing"));
  ASSERT_NO_FATAL_FAILURE(lose_guard_and_server());
  const auto dead = ask_doctor(stage());
  EXPECT_EQ(dead.exit_code, kCritical);
  ASSERT_FALSE(app::member(dead.report, "findings").empty()) << dead.report.dump(1);
  const auto& first = app::member(dead.report, "findings").front();
  EXPECT_EQ(app::text_of(first, "cause"), "server_killed");
  EXPECT_TRUE(app::text_of(first, "would_do").contains("restart_server"));
  EXPECT_FALSE(app::member(dead.report, "excluded").empty());
  EXPECT_TRUE(
      app::text_of(answer(dead.report, "removed"), "answer").contains("drop table passing"));
  EXPECT_EQ(postmaster_pid(stage()), 0);
  EXPECT_TRUE(doctor_names(stage(), "server_killed")) << "asked twice, the same answer";
  EXPECT_EQ(instance::read_control_file(stage().instance().data_dir())->state,
            pg::ClusterState::InProduction);
}

TEST_F(DoctorTest, ALogFullOfLiesNamesNothing) {
  // Goal: X5: binary, endless, half a line, the server's words in a statement: the verdict is the
  // truth, and in time.
  ASSERT_NO_FATAL_FAILURE(lose_guard_and_server());
  {
    std::ofstream log(stage().instance().server_log(), std::ios::app | std::ios::binary);
    log << std::string(3U << 20U, '\xff') << '\n';
    for (int i = 0; i < 1000; ++i)
      log << "2026-11-21 10:00:00.000 UTC [7] app@shop LOG:  statement: select 'PANIC:  could not "
             "write to file \"pg_wal/x\": No space left on device'\n";
    log << "2026-11-21 10:00:00.000 UTC [7] app@shop ERROR:  relation \"received fast shutdown "
           "request\" does not exist\nPANIC:  \0half";
  }
  EXPECT_TRUE(doctor_names(stage(), "server_killed"));
}

TEST_F(DoctorTest, LostDataIsNamedBeforeAnythingElse) {
  // Goal: C2 A5: the directory is gone: that, and not that the server does not run.
  ASSERT_NO_FATAL_FAILURE(lose_guard_and_server());
  fs::remove_all(stage().instance().data_dir());
  EXPECT_TRUE(doctor_names(stage(), "volume_lost"));
  EXPECT_EQ(app::text_of(answer(ask_doctor(stage()).report, "volume"), "kind"), "notable");
}

}  // namespace
}  // namespace pgkeel::chaos
