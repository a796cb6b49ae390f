// The guard as a service of a real systemd, by the shipped unit, beside PostgreSQL as Debian
// packages it and beside a server of its own: who ends with whom, who starts what where, and that
// nothing of the unit's hardening is in the way of what the guard must do.
#include "chaos/systemd_machine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "app/json_read.hpp"
#include "chaos/chaos.hpp"
#include "client/connection.hpp"

namespace pgkeel::chaos {
namespace {

using testing::ElementsAre;

constexpr const char* kCluster = "postgresql@15-main.service";
constexpr const char* kDebianData = "/var/lib/postgresql/15/main";
constexpr const char* kOwnData = "/var/lib/postgresql/pgkeel";
constexpr std::int64_t kSomeRows = 20;
constexpr Millis kLeftAlone{1'000};  // after the guard has said what it takes the stop for

constexpr std::string_view kDebianConfig = R"(state_dir = "/var/lib/pgkeel"
mode = "act"
[instance]
kind = "managed"
data_dir = "/var/lib/postgresql/15/main"
unit = "postgresql@15-main"
url = "postgresql://postgres@/postgres?host=/var/run/postgresql"
[http]
listen = "off"
)";
constexpr std::string_view kArchive = R"([archive]
store = "/var/lib/pgkeel/archive"
)";
constexpr std::string_view kOwnConfig = R"(state_dir = "/var/lib/pgkeel"
mode = "act"
[instance]
kind = "embedded"
data_dir = "/var/lib/postgresql/pgkeel"
port = 5432
[http]
listen = "off"
)";

// The unit's stop command, a second late, as on a busy machine.
constexpr std::string_view kLateStop = R"([Service]
ExecStop=
ExecStop=/bin/sleep 1
ExecStop=/usr/bin/pg_ctlcluster --skip-systemctl-redirect -m fast %i stop
)";

// A score that root may set wherever it is: what the server must not hand to its backends.
constexpr std::string_view kScoreDropIn = "[Service]\nOOMScoreAdjust={}\n";

class Systemd : public testing::Test {
 protected:
  void SetUp() override {
    static const std::string why = SystemdMachine::impossible();
    if (!why.empty()) GTEST_SKIP() << why;
    machine_ = std::make_unique<SystemdMachine>();
    ASSERT_FALSE(HasFatalFailure());
    machine_->must({"mkdir", "-p", "/etc/pgkeel"});
  }
  void TearDown() override {
    if (!machine_ || !HasFailure()) return;
    writer_.reset();
    ADD_FAILURE() << machine_->run(
        {"journalctl", "--no-pager", "-n", "120", "-o", "short-precise"});
  }

  SystemdMachine& machine() { return *machine_; }
  app::Writer& writer() { return *writer_; }

  // A cluster as the package makes it, but that root may be postgres, and a guard on it.
  void install_beside_debian(std::string_view more = "") {
    machine().must({"pg_createcluster", "15", "main", "--", "--no-sync"});
    machine().shell("sed -i '1i local all postgres trust' /etc/postgresql/15/main/pg_hba.conf");
    machine().must({"systemctl", "start", kCluster});
    machine().write("/etc/pgkeel/pgkeel.toml", std::string(kDebianConfig) + std::string(more));
    machine().must({"systemctl", "enable", "--quiet", "--now", "pgkeel"});
  }
  void install_with_own_server() {
    socket_dir_ = "/var/lib/postgresql/run";
    machine().write("/etc/pgkeel/pgkeel.toml", kOwnConfig);
    machine().must({"systemctl", "enable", "--quiet", "--now", "pgkeel"});
  }

  [[nodiscard]] pg::Conninfo conninfo() {
    pg::Conninfo conninfo;
    conninfo.host = machine().outside(socket_dir_).string();
    conninfo.port = "5432";
    conninfo.user = "postgres";
    conninfo.database = "postgres";
    return conninfo;
  }
  std::string answer(const std::string& query) {
    return machine().run(
        {"psql", "-qAtX", "-h", socket_dir_, "-U", "postgres", "-p", "5432", "-c", query});
  }
  void add_writer() {
    ASSERT_EQ(answer("create table if not exists ledger (n bigint not null)"), "");
    writer_ = std::make_unique<app::Writer>(conninfo());
    ASSERT_TRUE(writes());
    writer().mark();
  }
  void end_writer() { writer_.reset(); }
  [[nodiscard]] bool writes() {
    const auto before = writer().tally().acknowledged;
    return test::wait_until([&] { return writer().tally().acknowledged >= before + kSomeRows; },
                            kPatience);
  }
  // Every acknowledged row is there exactly once.
  [[nodiscard]] testing::AssertionResult nothing_lost() {
    const auto acknowledged = writer().acknowledged();
    const auto most = acknowledged.empty() ? 0 : *acknowledged.rbegin();
    const auto seen =
        answer(fmt::format("select count(distinct n), count(*) from ledger where n <= {}", most));
    const auto wanted = fmt::format("{0}|{0}", acknowledged.size());
    if (seen == wanted) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "rows: " << seen << " where " << wanted << " are due";
  }

  [[nodiscard]] std::string state() {
    const auto status = app::parse_json(machine().run({"pgkeel", "status", "--json"}));
    return status ? app::text_of(*status, "state") : "";
  }
  [[nodiscard]] bool await_state(std::string_view wanted) {
    return test::wait_until([&] { return state() == wanted; }, kPatience);
  }
  [[nodiscard]] bool await_active(const std::string& unit) {
    return test::wait_until([&] { return machine().is_active(unit); }, kPatience);
  }
  // The causes of all incidents, the newest first.
  [[nodiscard]] std::vector<std::string> causes() {
    std::vector<std::string> causes;
    const auto list = app::parse_json(machine().run({"pgkeel", "incident", "list", "--json"}));
    if (!list) return causes;
    const auto& incidents = list->is_array() ? *list : app::member(*list, "incidents");
    for (const auto& incident : incidents) causes.push_back(app::text_of(incident, "cause"));
    return causes;
  }
  // Another postmaster than `killed` serves the writer.
  [[nodiscard]] bool await_other(const std::filesystem::path& data_dir, pid_t killed) {
    const auto other = [&] {
      const auto found = machine().postmaster(data_dir);
      return found != 0 && found != killed;
    };
    return test::wait_until(other, kPatience) && writes();
  }
  // What ends or replaces the guard, and leaves server and writer alone.
  void expect_server_untouched(const std::filesystem::path& data_dir) {
    const auto postmaster = machine().postmaster(data_dir);
    writer().mark();
    machine().must({"systemctl", "restart", "pgkeel"});
    machine().must({"systemctl", "kill", "-s", "KILL", "--kill-who=main", "pgkeel"});
    ASSERT_TRUE(test::wait_until([&] { return machine().property("pgkeel", "NRestarts") == "1"; },
                                 kPatience));
    ASSERT_TRUE(await_active("pgkeel"));
    machine().must({"systemctl", "stop", "pgkeel"});
    EXPECT_EQ(machine().property("pgkeel", "ActiveState"), "inactive");
    EXPECT_EQ(machine().property("pgkeel", "Result"), "success");
    ASSERT_TRUE(writes());
    machine().must({"systemctl", "start", "pgkeel"});
    ASSERT_TRUE(await_state("up"));
    ASSERT_TRUE(writes());
    EXPECT_EQ(machine().postmaster(data_dir), postmaster);
    EXPECT_EQ(writer().tally().errors, 0);
  }
  void expect_boots_in_order(const std::filesystem::path& data_dir, const std::string& log) {
    end_writer();
    const auto known = causes().size();
    machine().reboot();
    ASSERT_TRUE(await_active("pgkeel"));
    ASSERT_TRUE(await_state("up"));
    EXPECT_NE(machine().postmaster(data_dir), 0);
    const auto said = machine().run({"cat", log});
    EXPECT_TRUE(said.contains("database system was shut down at")) << said;
    EXPECT_FALSE(said.contains("was interrupted")) << said;
    EXPECT_FALSE(said.contains("not properly shut down")) << said;
    const auto after = causes();
    for (std::size_t i = 0; i + known < after.size(); ++i)
      EXPECT_EQ(after.at(i), "stopped_by_operator");
    ASSERT_NO_FATAL_FAILURE(add_writer());
  }

 private:
  std::string socket_dir_ = "/run/postgresql";
  std::unique_ptr<SystemdMachine> machine_;
  std::unique_ptr<app::Writer> writer_;
};

TEST_F(Systemd, TheUnitIsWellFormedAndReadyMeansReady) {
  // Goal: systemd finds no fault with the unit; `systemctl start` returns when the guard watches,
  // the status line says how the database is, and a signal that means reload is not the end (A9).
  ASSERT_NO_FATAL_FAILURE(install_beside_debian());
  EXPECT_NE(state(), "") << "active, but nobody answers";
  machine().must({"systemd-analyze", "verify", "pgkeel.service"});
  EXPECT_EQ(machine().run({"sh", "-c", "systemd-analyze verify pgkeel.service 2>&1"}), "");
  EXPECT_TRUE(test::wait_until(
      [&] { return machine().property("pgkeel", "StatusText") == "database up"; }, kPatience));
  const auto guard = machine().property("pgkeel", "MainPID");
  machine().must({"systemctl", "kill", "-s", "HUP", "--kill-who=main", "pgkeel"});
  EXPECT_TRUE(test::wait_until(
      [&] {
        return machine().run({"journalctl", "-u", "pgkeel"}).contains("a restart reads the config");
      },
      kPatience));
  EXPECT_EQ(machine().property("pgkeel", "MainPID"), guard);
  EXPECT_TRUE(machine().is_active("pgkeel"));
}

TEST_F(Systemd, ADebianClusterLivesInItsOwnUnit) {
  // Goal: a killed server comes back in the unit Debian runs it in, outlives every end of the
  // guard, and its backends can be chosen by the kernel before it (D3 D5).
  ASSERT_NO_FATAL_FAILURE(install_beside_debian());
  const bool lowers = machine().may_lower_oom_score();
  const std::string score = lowers ? "-900" : "200";
  if (!lowers) {  // the unit's own score of -900 is refused here, and so ignored by systemd
    machine().must({"mkdir", "-p", "/etc/systemd/system/postgresql@.service.d"});
    machine().write("/etc/systemd/system/postgresql@.service.d/score.conf",
                    fmt::format(kScoreDropIn, score));
    machine().must({"systemctl", "daemon-reload"});
  }
  ASSERT_NO_FATAL_FAILURE(add_writer());
  const auto killed = machine().postmaster(kDebianData);
  machine().shell(fmt::format("kill -9 {}", killed));
  ASSERT_TRUE(await_other(kDebianData, killed));
  ASSERT_TRUE(await_active(kCluster));
  EXPECT_EQ(machine().property(kCluster, "MainPID"),
            std::to_string(machine().postmaster(kDebianData)));
  EXPECT_THAT(machine().server_units(), ElementsAre(kCluster));
  EXPECT_EQ(machine().oom_score(machine().postmaster(kDebianData)), score);
  const auto backend = answer("select pg_read_file('/proc/self/oom_score_adj')");
  EXPECT_TRUE(backend.starts_with("0")) << backend;
  ASSERT_NO_FATAL_FAILURE(expect_server_untouched(kDebianData));
  EXPECT_TRUE(nothing_lost());
}

TEST_F(Systemd, AServerOfItsOwnLivesInAScope) {
  // Goal: a server the guard runs itself is in a scope from its first process on, not in the
  // guard's unit; the end of everything in that unit does not touch it; a backend killed for memory
  // does not make systemd stop it, and the guard's own score is not the server's (A9 D3 D5).
  machine().must({"mkdir", "-p", "/etc/systemd/system/pgkeel.service.d"});
  if (!machine().may_lower_oom_score())
    machine().write("/etc/systemd/system/pgkeel.service.d/score.conf",
                    fmt::format(kScoreDropIn, 200));
  machine().must({"systemctl", "daemon-reload"});
  ASSERT_NO_FATAL_FAILURE(install_with_own_server());
  const auto scope_of = [](pid_t pid) { return fmt::format("pgkeel-postgresql-{}.scope", pid); };
  const auto first = machine().postmaster(kOwnData);
  EXPECT_THAT(machine().server_units(), ElementsAre(scope_of(first)));
  EXPECT_EQ(machine().property(scope_of(first), "OOMPolicy"), "continue");
  EXPECT_THAT(machine().property(scope_of(first), "RequiresMountsFor"),
              testing::HasSubstr(kOwnData));
  ASSERT_NO_FATAL_FAILURE(add_writer());
  machine().shell(fmt::format("kill -9 {}", first));
  ASSERT_TRUE(await_other(kOwnData, first));
  const auto second = machine().postmaster(kOwnData);
  EXPECT_THAT(machine().server_units(), ElementsAre(scope_of(second)));
  EXPECT_TRUE(test::wait_until(
      [&] { return machine().property(scope_of(first), "LoadState") == "not-found"; }, kPatience));
  ASSERT_NO_FATAL_FAILURE(expect_server_untouched(kOwnData));
  writer().mark();
  machine().must({"systemctl", "kill", "-s", "KILL", "--kill-who=all", "pgkeel"});
  ASSERT_TRUE(test::wait_until([&] { return state() == "up"; }, kPatience));
  ASSERT_TRUE(writes());
  EXPECT_EQ(writer().tally().errors, 0);
  EXPECT_EQ(machine().postmaster(kOwnData), second);
  EXPECT_TRUE(nothing_lost());
}

TEST_F(Systemd, TheStopOfADeadServerDoesNotHitTheNext) {
  // Goal: systemd runs the stop command of a unit whose server died; it must not find the server
  // the guard has started meanwhile, in the unit or beside it, stale pid or not (D3 D6).
  ASSERT_NO_FATAL_FAILURE(install_beside_debian());
  machine().must({"mkdir", "-p", "/etc/systemd/system/postgresql@.service.d"});
  machine().write("/etc/systemd/system/postgresql@.service.d/stop.conf", kLateStop);
  machine().must({"systemctl", "daemon-reload"});
  ASSERT_NO_FATAL_FAILURE(add_writer());
  machine().must({"systemctl", "stop", "pgkeel"});
  auto killed = machine().postmaster(kDebianData);
  machine().shell(
      fmt::format("kill -9 {} && sed -i \"1s/.*/$(systemctl show -P MainPID dbus)/\" "
                  "{}/postmaster.pid && systemctl start pgkeel",
                  killed, kDebianData));
  ASSERT_TRUE(test::wait_until([&] { return writes(); }, kPatience));
  EXPECT_THAT(machine().server_units(), ElementsAre(kCluster));
  machine().shell("sed -i '/^unit/a socket_dir = \"/var/run/postgresql\"' /etc/pgkeel/pgkeel.toml");
  ASSERT_TRUE(await_active(kCluster));
  machine().must({"systemctl", "restart", "pgkeel"});
  killed = machine().postmaster(kDebianData);
  machine().shell(fmt::format("kill -9 {}", killed));
  ASSERT_TRUE(await_other(kDebianData, killed));
  const auto other = machine().postmaster(kDebianData);
  EXPECT_THAT(machine().server_units(),
              ElementsAre(fmt::format("pgkeel-postgresql-{}.scope", other)));
  EXPECT_FALSE(test::wait_until([&] { return machine().postmaster(kDebianData) != other; },
                                kLeftAlone + kLeftAlone));
  EXPECT_THAT(causes(), testing::Not(testing::Contains("stopped_by_operator")));
  EXPECT_TRUE(nothing_lost());
}

TEST_F(Systemd, TheOperatorsStopIsObeyed) {
  // Goal: each way a Debian admin stops the cluster is his will; his start is picked up (D3).
  ASSERT_NO_FATAL_FAILURE(install_beside_debian());
  const std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>> ways = {
      {{"systemctl", "stop", kCluster}, {"systemctl", "start", kCluster}},
      {{"pg_ctlcluster", "15", "main", "stop"}, {"pg_ctlcluster", "15", "main", "start"}},
      {{"systemctl", "stop", "postgresql"}, {"systemctl", "start", "postgresql"}}};
  for (const auto& [stop, start] : ways) {
    SCOPED_TRACE(fmt::format("{}", fmt::join(stop, " ")));
    machine().must(stop);
    ASSERT_TRUE(await_state("intended_stop"));
    // Stopping the umbrella unit returns while the cluster's own unit is still at it.
    const auto runs = [&] { return machine().postmaster(kDebianData) != 0; };
    ASSERT_TRUE(test::wait_until([&] { return !runs(); }, kPatience));
    EXPECT_FALSE(test::wait_until(runs, kLeftAlone));
    EXPECT_EQ(machine().property(kCluster, "ActiveState"), "inactive");
    machine().must(start);
    ASSERT_TRUE(await_state("up"));
  }
  EXPECT_THAT(causes(), testing::Each("stopped_by_operator"));
  ASSERT_NO_FATAL_FAILURE(add_writer());
  const auto killed = machine().postmaster(kDebianData);
  machine().shell(fmt::format("kill -9 {}", killed));
  ASSERT_TRUE(await_other(kDebianData, killed));
  EXPECT_TRUE(nothing_lost());
}

TEST_F(Systemd, AMachineThatRebootsEndsAndBeginsInOrder) {
  // Goal: a shutdown of the machine is a clean one of the server, no incident, and after the boot
  // all is up again, with Debian's unit and with a server of the guard's own (D5).
  ASSERT_NO_FATAL_FAILURE(install_beside_debian());
  ASSERT_NO_FATAL_FAILURE(add_writer());
  ASSERT_NO_FATAL_FAILURE(
      expect_boots_in_order(kDebianData, "/var/log/postgresql/postgresql-15-main.log"));
  EXPECT_THAT(machine().server_units(), ElementsAre(kCluster));
}

TEST_F(Systemd, AServerOfItsOwnSurvivesAReboot) {
  // Goal: the scope is stopped in order by a shutdown, under a working application, and the guard
  // starts the server at the next boot (D5).
  ASSERT_NO_FATAL_FAILURE(install_with_own_server());
  ASSERT_NO_FATAL_FAILURE(add_writer());
  ASSERT_NO_FATAL_FAILURE(expect_boots_in_order(kOwnData, std::string(kOwnData) + ".log"));
  EXPECT_THAT(machine().server_units(), ElementsAre(fmt::format("pgkeel-postgresql-{}.scope",
                                                                machine().postmaster(kOwnData))));
}

TEST_F(Systemd, ALostDataDirectoryIsRestoredInsideTheUnit) {
  // Goal: nothing of the hardening is in the way of archive, receiver, safety copy and restore; the
  // restored server is in its unit, and nothing that was acknowledged and archived is lost (D7).
  ASSERT_NO_FATAL_FAILURE(install_beside_debian(kArchive));
  ASSERT_NO_FATAL_FAILURE(add_writer());
  ASSERT_TRUE(test::wait_until(
      [&] { return machine().run({"pgkeel", "backup", "list"}).contains(" MB "); }, kPatience))
      << machine().run({"pgkeel", "backup", "list"});
  const auto killed = machine().postmaster(kDebianData);
  end_writer();
  machine().shell(fmt::format("rm -rf {} && kill -9 {}", kDebianData, killed));
  ASSERT_TRUE(test::wait_until(
      [&] {
        const auto found = machine().postmaster(kDebianData);
        return found != 0 && found != killed && state() == "up";
      },
      kPatience));
  EXPECT_THAT(machine().server_units(), ElementsAre(kCluster));
  ASSERT_NO_FATAL_FAILURE(add_writer());
}

TEST_F(Systemd, AWatchdogThatIsSetIsAnswered) {
  // Goal: with WatchdogSec a guard that lives is left alone, and one that hangs is replaced while
  // the server serves on (D3).
  machine().must({"mkdir", "-p", "/etc/systemd/system/pgkeel.service.d"});
  machine().write("/etc/systemd/system/pgkeel.service.d/watchdog.conf",
                  "[Service]\nWatchdogSec=2s\n");
  machine().must({"systemctl", "daemon-reload"});
  ASSERT_NO_FATAL_FAILURE(install_beside_debian());
  ASSERT_NO_FATAL_FAILURE(add_writer());
  const auto pinged = machine().property("pgkeel", "WatchdogTimestampMonotonic");
  ASSERT_TRUE(test::wait_until(
      [&] { return machine().property("pgkeel", "WatchdogTimestampMonotonic") != pinged; },
      kPatience));
  machine().must({"systemctl", "kill", "-s", "STOP", "--kill-who=main", "pgkeel"});
  ASSERT_TRUE(test::wait_until([&] { return machine().property("pgkeel", "NRestarts") == "1"; },
                               kPatience));
  ASSERT_TRUE(await_active("pgkeel"));
  ASSERT_TRUE(await_state("up"));
  ASSERT_TRUE(writes());
  EXPECT_EQ(writer().tally().errors, 0);
  EXPECT_TRUE(nothing_lost());
}

TEST_F(Systemd, DoctorReadsTheJournalAndTheUnit) {
  // Goal: D4 C6: a server that logs to stderr under a unit: its log is in the journal, and systemd
  // says how it ended.
  constexpr const char* kData = "/var/lib/postgresql/shop";
  machine().shell(
      fmt::format("runuser -u postgres -- /usr/lib/postgresql/15/bin/initdb -N -A trust "
                  "-D {} >/dev/null",
                  kData));
  machine().write("/etc/systemd/system/shopdb.service",
                  fmt::format("[Service]\nUser=postgres\nExecStart=/usr/lib/postgresql/15/bin/"
                              "postgres -D {} -c log_statement=ddl\n",
                              kData));
  machine().write("/etc/pgkeel/pgkeel.toml",
                  fmt::format("state_dir = \"/var/lib/pgkeel\"\n[instance]\nkind = \"managed\"\n"
                              "data_dir = \"{}\"\nunit = \"shopdb\"\n[http]\nlisten = \"off\"\n",
                              kData));
  machine().must({"systemctl", "daemon-reload"});
  machine().must({"systemctl", "start", "shopdb"});
  ASSERT_TRUE(test::wait_until([&] { return answer("select 1") == "1"; }, kPatience));
  answer("create table passing (n int)");
  answer("drop table passing");
  const auto told = [&] {
    return machine().run({"pgkeel", "doctor", "--json", "--config", "/etc/pgkeel/pgkeel.toml"});
  };
  EXPECT_TRUE(told().contains("drop table passing")) << told();
  machine().must({"systemctl", "kill", "-s", "KILL", "shopdb"});
  ASSERT_TRUE(test::wait_until(
      [&] { return machine().property("shopdb", "ActiveState") == "failed"; }, kPatience));
  const auto dead = told();
  EXPECT_TRUE(dead.contains("drop table passing")) << dead;
  EXPECT_TRUE(
      dead.contains("unit shopdb.service: failed (failed), result signal, main process "
                    "killed (9)"))
      << dead;
}

}  // namespace
}  // namespace pgkeel::chaos
