// The shadow as a process: built from a backup, fed by the archive, never in the primary's files,
// and never in anybody else's.
#include "integration/app/shadow_scene.hpp"

namespace pgkeel::test {
namespace {

using namespace std::string_literals;

class Shadow : public ShadowScene {};

TEST_F(Shadow, BuildsItselfFollowsAndOwnsItsFiles) {
  // Goal: with a tablespace: everything is copied, rows arrive while they are written, no file is
  // the primary's, no port is opened, whatever the copied settings say; ended and started again it
  // goes on with the copy it has (D7 X2).
  server_.append_config("data_directory = '" + server_.data_dir().string() + "'\n");
  server_.query("alter system set recovery_target_time = '2001-01-01'");
  server_.query("alter system set recovery_target_action = 'promote'");
  server_.query("alter system set recovery_min_apply_delay = '1h'");
  const auto place = make_place("space");
  server_.query("create tablespace fast location '" + place.string() + "'");
  server_.query("create table quick tablespace fast as select 7 as v");
  back_up();
  start_shadow();
  ASSERT_TRUE(becomes("following")) << status().dump(2);
  add_orders(1001, 1500);
  ASSERT_TRUE(shadow_has(1500)) << status().dump(2);
  EXPECT_EQ(ask("select v from quick"), "7");
  EXPECT_EQ(ask("select pg_is_in_recovery()"), "t");
  EXPECT_EQ(ask("show listen_addresses"), "");
  expect_nothing_shared();
  const auto backup = status().value("backup", "");
  shadow_.reset();
  EXPECT_EQ(status().value("state", ""), "stopped");
  add_orders(1501, 1600);
  start_shadow();
  ASSERT_TRUE(shadow_has(1600)) << status().dump(2);
  EXPECT_EQ(status().value("backup", ""), backup);
}

TEST_F(Shadow, ATablespaceMadeLaterIsNeverOpened) {
  // Goal: X2: a CREATE TABLESPACE that is replayed on this machine would empty or open the
  // primary's directory: the shadow stops before it and says so; with the next backup it is built
  // anew, with a directory of its own.
  back_up();
  start_shadow();
  ASSERT_TRUE(becomes("following")) << status().dump(2);
  const auto place = make_place("later");
  server_.query("create tablespace later location '" + place.string() + "'");
  server_.query("create table quick tablespace later as select i from generate_series(1, 500) i");
  server_.query("checkpoint");
  ASSERT_TRUE(becomes("held")) << status().dump(2);
  EXPECT_TRUE(status()["problem"].value("message", "").contains("CREATE TABLESPACE"));
  EXPECT_EQ(server_.query("select count(*) from quick"), "500");
  EXPECT_EQ(ask("select count(*) from pg_tablespace where spcname = 'later'"), "0");
  expect_nothing_shared();
  back_up();
  ASSERT_TRUE(
      wait_until([&] { return ask("select count(*) from quick") == "500"; }, kBuildPatience))
      << status().dump(2);
  expect_nothing_shared();
  server_.restart();
  EXPECT_EQ(server_.query("select count(*) from quick"), "500");
}

TEST_F(Shadow, GoesOnWhenThePrimarysLimitsAreRaised) {
  // Goal: a hot standby with lower limits than its primary pauses for good: it is started anew
  // with the new ones, and is the same copy (D7).
  back_up();
  start_shadow();
  ASSERT_TRUE(becomes("following")) << status().dump(2);
  const auto backup = status().value("backup", "");
  server_.append_config("max_connections = 90\n");
  server_.restart();
  add_orders(1001, 1100);
  ASSERT_TRUE(shadow_has(1100)) << status().dump(2);
  EXPECT_EQ(ask("show max_connections"), "90");
  EXPECT_EQ(status().value("backup", ""), backup);
}

TEST_F(Shadow, TouchesNothingThatIsNotItsOwn) {
  // Goal: rule 1: a directory in its place that it did not make, and a copy that was promoted, stay
  // as they are; it says so and waits.
  back_up();
  fs::create_directory(shadow_dir());
  std::ofstream(shadow_dir() / "precious") << "mine";
  start_shadow();
  ASSERT_TRUE(becomes("waiting")) << status().dump(2);
  EXPECT_TRUE(status()["problem"].value("message", "").contains("is no shadow that pgkeel made"));
  EXPECT_TRUE(fs::exists(shadow_dir() / "precious"));
  shadow_.reset();
  fs::remove_all(shadow_dir());
  start_shadow();
  ASSERT_TRUE(becomes("following")) << status().dump(2);
  shadow_.reset();
  fs::remove(shadow_dir() / "standby.signal");  // as a promotion leaves it
  start_shadow();
  ASSERT_TRUE(wait_until(
      [&] {
        return becomes("waiting") &&
               status()["problem"].value("message", "").contains("is not a standby any more");
      },
      kBuildPatience))
      << status().dump(2);
  EXPECT_TRUE(fs::exists(shadow_dir() / "base"));
}

TEST_F(Shadow, EndsNoServerThatIsNotItsOwn) {
  // Goal: rule 1 and 4: another server runs in the place it was told: it is said, the server serves
  // on, its files stay.
  back_up();
  PostgresOptions options;
  options.identity = Identity::Fresh;
  options.data_dir = shadow_dir();
  PostgresServer other(options);
  other.query("create table mine as select 7 as v");
  const auto pid = other.pid();
  start_shadow();
  ASSERT_TRUE(becomes("waiting")) << status().dump(2);
  EXPECT_EQ(other.pid(), pid);
  EXPECT_EQ(other.query("select v from mine"), "7");
}

TEST_F(Shadow, IsBuiltAnewWhenItCannotReplay) {
  // Goal: a copy that is damaged is said to be, and built again from the archive (D7).
  back_up();
  start_shadow();
  ASSERT_TRUE(becomes("following")) << status().dump(2);
  shadow_.reset();
  std::ofstream(shadow_dir() / "global/pg_control") << "damaged";
  start_shadow();
  ASSERT_TRUE(becomes("waiting")) << status().dump(2);
  ASSERT_TRUE(becomes("following")) << status().dump(2);
  EXPECT_TRUE(status()["given_up"].is_object()) << status().dump(2);  // an incident of its own
  add_orders(1001, 1100);
  ASSERT_TRUE(shadow_has(1100)) << status().dump(2);
}

TEST_F(Shadow, KilledWhileItIsBuiltAnewIsFinishedByTheNext) {
  // Goal: killed between any two steps of removing a copy and building the next, the next shadow
  // has every row, shares no file with the primary, and nothing half made is left (D7 X2).
  const auto place = make_place("space");
  server_.query("create tablespace fast location '" + place.string() + "'");
  server_.query("create table quick tablespace fast as select 7 as v");
  back_up();
  start_shadow();
  ASSERT_TRUE(becomes("following")) << status().dump(2);
  int orders = 1000;
  for (const char* point : {"shadow_copy.discarding", "shadow_copy.aside", "shadow_copy.noted",
                            "shadow_copy.laid_out", "shadow_copy.marked", "shadow_copy.placed"}) {
    SCOPED_TRACE(point);
    shadow_.reset();
    std::ofstream(shadow_dir() / "global/pg_control") << "damaged";
    ASSERT_TRUE(binary_.is_killed(
        {"shadow"}, {{"PGKEEL_CRASH_AT", point},
                     {"PGKEEL_CRASH_MARK", (binary_.dir() / ("mark-"s + point)).string()}}));
    add_orders(orders + 1, orders + 10);
    orders += 10;
    start_shadow();
    ASSERT_TRUE(shadow_has(orders)) << status().dump(2);
    EXPECT_EQ(ask("select v from quick"), "7");
    expect_nothing_shared();
    EXPECT_THAT(beside_shadow(),
                testing::ElementsAre(testing::StartsWith("-tablespaces-"), ".build", ".run"));
    EXPECT_FALSE(fs::exists(shadow_dir().string() + ".build/copy"));
  }
}

}  // namespace
}  // namespace pgkeel::test
