// What is not broken yet, told from what a container is made of and from the server's log.
#include "diagnose/warning.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeel::diagnose {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<std::string_view> names(const std::vector<Warning>& warnings) {
  std::vector<std::string_view> found;
  for (const auto& warning : warnings) found.push_back(warning.name);
  return found;
}

instance::HostingFacts careful() {
  instance::HostingFacts hosting;
  hosting.exists = true;
  hosting.container.name = "pg";
  hosting.container.restart_policy = instance::RestartPolicy::UnlessStopped;
  hosting.container.mounts = {
      {"volume", "pgdata", "/vol/pgdata/_data", "/var/lib/postgresql/data", true}};
  return hosting;
}

TEST(HostingWarnings, AreSilentAboutACarefulContainer) {
  // Goal: a named volume, a policy, no pruning: nothing is said.
  EXPECT_THAT(hosting_warnings(careful(), {}), IsEmpty());
}

TEST(HostingWarnings, NameEachWayToLoseAVolume) {
  // Goal: anonymous volume, PG 18's path, root disk, no policy, no engine on boot, pruning (C2).
  auto hosting = careful();
  hosting.container.mounts.front().name = std::string(64, 'f');
  hosting.container.restart_policy = instance::RestartPolicy::No;
  hosting.container.environment = {{"PGDATA", "/var/lib/postgresql/18/docker"}};
  hosting.container.health_check = {"CMD-SHELL", "pg_isready"};
  HostSurroundings around;
  around.engine_starts_on_boot = false;
  around.prunes = {"/etc/cron.daily/tidy: docker system prune --volumes -f"};
  EXPECT_THAT(names(hosting_warnings(hosting, around)),
              ElementsAre("anonymous_volume", "mount_misses_data", "no_restart_policy",
                          "engine_not_on_boot", "volumes_pruned", "health_check_without_role"));
  hosting.container.mounts = {{"bind", "", "/srv/pg", "/var/lib/postgresql", true}};
  around.data_on_root_filesystem = true;
  EXPECT_THAT(names(hosting_warnings(hosting, around)), Contains("data_on_root_disk"));
}

std::vector<pg::LogLine> failing(std::string message, const std::vector<int>& seconds) {
  std::vector<pg::LogLine> lines;
  for (const int second : seconds) {
    pg::LogLine line;
    line.severity = pg::LogSeverity::Fatal;
    line.message = message;
    line.at = WallTime{Seconds(1'800'000'000 + second)};
    lines.push_back(std::move(line));
  }
  return lines;
}

TEST(WrongProbes, AreToldByTheirPeriod) {
  // Goal: the same failed login every ten seconds is a health check, with the corrected line (B11).
  const auto warnings =
      wrong_probes(failing("role \"root\" does not exist", {0, 10, 20, 30, 41, 50}));
  ASSERT_THAT(names(warnings), ElementsAre("wrong_health_check"));
  EXPECT_THAT(warnings.front().text, HasSubstr("Every 10"));
  EXPECT_THAT(warnings.front().hint, HasSubstr("pg_isready -U"));
}

TEST(WrongProbes, ArePeopleWhenTheyHaveNoPeriod) {
  // Goal: mistyped names at odd times, few of them, or other failures are nobody's health check.
  EXPECT_THAT(wrong_probes(failing("database \"shp\" does not exist", {0, 3, 70, 75, 400, 410})),
              IsEmpty());
  EXPECT_THAT(wrong_probes(failing("role \"root\" does not exist", {0, 10, 20})), IsEmpty());
  EXPECT_THAT(wrong_probes(failing("password authentication failed", {0, 10, 20, 30, 40, 50})),
              IsEmpty());
}

struct Sorted {
  sense::Observation seen;
  Known known;
};

// On glibc 2.41, with databases that were made under glibc 2.36.
Sorted moved(std::vector<sense::DatabaseCollation> databases) {
  Sorted sorted;
  sorted.known.identity.emplace();
  sorted.known.identity->libc = "glibc 2.36";
  sorted.seen.process.libc = "glibc 2.41";
  sorted.seen.process.pid = sorted.seen.collations.pid = 100;
  sorted.seen.collations.databases = std::move(databases);
  return sorted;
}

TEST(LibcChanged, NamesTheDatabasesAndWhatToDo) {
  // Goal: an image with another libc: both versions, the database, REINDEX before REFRESH (C2, D9).
  const auto sorted = moved({{"shop", "2.36", "2.41"}, {"crm", "2.41", "2.41"}});
  const auto warnings = libc_changed(sorted.seen, sorted.known, {});
  ASSERT_THAT(names(warnings), ElementsAre("libc_changed"));
  EXPECT_THAT(warnings.front().text, HasSubstr("runs on glibc 2.41"));
  EXPECT_THAT(warnings.front().text, HasSubstr("shop (2.36, now 2.41)."));
  EXPECT_THAT(warnings.front().hint,
              HasSubstr("reindexdb --concurrently --dbname=shop && psql --dbname=shop "
                        "--set=ON_ERROR_STOP=1 --command='set search_path"));
  const auto passed_over = warnings.front().hint.find("indisexclusion or not indisvalid");
  ASSERT_NE(passed_over, std::string::npos);
  EXPECT_LT(passed_over, warnings.front().hint.find(
                             "--command='alter database \"shop\" refresh collation version'"));
  EXPECT_THAT(warnings.front().hint, Not(HasSubstr("crm"))) << "it is as it should be";
  EXPECT_FALSE(collations_hold(sorted.seen, sorted.known));
}

TEST(LibcChanged, SaysTheCureOfEveryDatabaseForAShell) {
  // Goal: D9: all of them, in order, whatever their names hold; 13 and 14 know no version of a
  // database.
  auto sorted = moved({{"it's", "2.36", "2.41"}, {"a\"b", "2.36", "2.41"}});
  const auto hint = libc_changed(sorted.seen, sorted.known, {}).front().hint;
  EXPECT_THAT(hint, HasSubstr("--dbname='it'\\''s' && psql"));
  EXPECT_THAT(hint, HasSubstr("alter database \"a\"\"b\" refresh"));
  sorted.seen.login.server_version = 140010;
  const auto old = libc_changed(sorted.seen, sorted.known, {}).front().hint;
  EXPECT_THAT(old, HasSubstr("ALTER COLLATION"));
  EXPECT_THAT(old, Not(HasSubstr("alter database")));
}

TEST(LibcChanged, IsOverWhenTheServerSaysSo) {
  // Goal: nothing in a database of C rules, nothing after REFRESH, and an old line in the log is no
  // reason; a look at another server's life proves nothing.
  pg::LogLine line;
  line.message = "database \"shop\" has a collation version mismatch";
  for (const auto& databases : {std::vector<sense::DatabaseCollation>{},
                                std::vector<sense::DatabaseCollation>{{"shop", "2.41", "2.41"}}}) {
    const auto sorted = moved(databases);
    EXPECT_THAT(libc_changed(sorted.seen, sorted.known, {line}), IsEmpty());
    EXPECT_TRUE(collations_hold(sorted.seen, sorted.known));
  }
  auto before = moved({{"shop", "2.36", "2.41"}});
  before.seen.process.pid = 200;
  EXPECT_THAT(libc_changed(before.seen, before.known, {}), IsEmpty());
  EXPECT_FALSE(collations_hold(before.seen, before.known));
  EXPECT_THAT(names(libc_changed(before.seen, before.known, {line})), ElementsAre("libc_changed"));
}

TEST(LibcChanged, KnowsMuslByTheLedger) {
  // Goal: between glibc and musl there is no version to compare; what served before tells.
  auto sorted = moved({{"shop", "2.36", ""}});
  sorted.seen.process.libc = "musl";
  EXPECT_THAT(names(libc_changed(sorted.seen, sorted.known, {})), ElementsAre("libc_changed"));
  sorted.known.identity->libc = "musl";
  EXPECT_THAT(libc_changed(sorted.seen, sorted.known, {}), IsEmpty());
}

constexpr WallTime kMoment{Seconds(1'800'000'000)};

TEST(CertificateEnds, IsWarnedOfInTime) {
  // Goal: nothing while it is far off; from 30 days on, from 7 on, and when it has ended (K42).
  using std::chrono::days;
  const auto name = [](WallTime ends) {
    const auto warnings = certificate_ends("/srv/server.crt", ends, kMoment);
    return warnings.empty() ? std::string() : std::string(warnings[0].name);
  };
  EXPECT_EQ(name(kMoment + days(31)), "");
  EXPECT_EQ(name(kMoment + days(29)), "certificate_ends_soon");
  EXPECT_EQ(name(kMoment + days(6)), "certificate_ends_very_soon");
  EXPECT_EQ(name(kMoment - Seconds(1)), "certificate_ended");
}

}  // namespace
}  // namespace pgkeel::diagnose
