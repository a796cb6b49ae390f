#include "instance/debian.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>

#include "integration/instance/fixture.hpp"
#include "runtime/process.hpp"
#include "support/proc_scan.hpp"

namespace pgkeel::instance {
namespace {

using testing::HasSubstr;

constexpr const char* kName = "pgkeeltest";

// A cluster as Debian keeps it: configuration in /etc, its log in /var/log, started by
// pg_ctlcluster.
class DebianTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!runtime::running_as_root() || ::access("/usr/bin/pg_createcluster", X_OK) != 0)
      GTEST_SKIP() << "needs root and postgresql-common";
    drop();
    port_ = test::free_port();
    const auto made = command(
        {"pg_createcluster", "15", kName, "--port", std::to_string(port_), "--", "--no-sync"});
    ASSERT_TRUE(made.exit.ok()) << made.err;
    InstanceConfig config;
    config.kind = Kind::Managed;
    config.unit = std::string("postgresql@15-") + kName;
    auto instance = make_instance(loop_, config);
    ASSERT_TRUE(instance) << instance.error().message();
    instance_ = *std::move(instance);
  }
  void TearDown() override {
    if (instance_) drop();
  }
  void drop() { static_cast<void>(command({"pg_dropcluster", "--stop", "15", kName})); }
  runtime::ProcessOutput command(std::vector<std::string> argv) {
    runtime::ProcessSpec spec;
    spec.argv = std::move(argv);
    auto output = run(runtime::run_process(loop_, spec, soon()));
    return output ? *std::move(output)
                  : runtime::ProcessOutput{{127, 0}, "", output.error().message()};
  }
  template <class T>
  T run(runtime::Task<T> task) {
    return loop_.run_until_complete(std::move(task));
  }
  SteadyTime soon() { return loop_.after(3 * test::kPatience); }
  Result<StartReport> start(std::optional<pid_t> stale_pid = {}) {
    const SystemId expected = read_control_file(instance_->data_dir())->system_id;
    return run(instance_->start({expected, stale_pid}, soon()));
  }
  bool answers() {
    return command({"runuser", "-u", "postgres", "--", "psql", "-p", std::to_string(port_), "-XAtc",
                    "select 1"})
               .out == "1\n";
  }

  runtime::Loop loop_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Instance> instance_;
};

TEST_F(DebianTest, StartsAClusterWhoseConfigurationIsInEtc) {
  // Goal: a Debian cluster is found by its unit, started by pg_ctlcluster and stopped again (D3).
  EXPECT_EQ(instance_->data_dir(), std::string("/var/lib/postgresql/15/") + kName);
  EXPECT_EQ(instance_->describe(),
            "managed postgresql@15-pgkeeltest at /var/lib/postgresql/15/pgkeeltest");
  EXPECT_EQ(instance_->port(), port_);
  EXPECT_TRUE(run(instance_->check_config()));
  const auto report = start();
  ASSERT_TRUE(report) << report.error().message();
  ASSERT_TRUE(report->postmaster) << report->server_log;
  EXPECT_TRUE(answers());
  EXPECT_THAT(report->server_log, HasSubstr("ready to accept connections"));
  EXPECT_THAT(instance_->config_files(),
              testing::Contains(std::string("/etc/postgresql/15/") + kName + "/pg_hba.conf"));
  ASSERT_TRUE(run(instance_->stop(StopMode::Fast, soon())));
  EXPECT_TRUE(test::pids_in(instance_->data_dir()).empty());
}

TEST_F(DebianTest, StartsOverAPidReusedByAnotherPostmaster) {
  // Goal: pg_ctlcluster takes any postgres with the recorded pid for the cluster's own and refuses;
  // the server is then run directly, with its configuration in /etc (D6, D12).
  auto report = start();
  ASSERT_TRUE(report && report->postmaster);
  const pid_t first = report->postmaster->pid;
  ::kill(first, SIGKILL);
  ASSERT_TRUE(test::wait_until([&] { return test::pids_in(instance_->data_dir()).empty(); }));
  const test::PostgresServer other;
  const auto path = instance_->data_dir() / "postmaster.pid";
  const std::string text = read_all(path);
  write_file(path, std::to_string(other.pid()) + text.substr(text.find('\n')));
  ASSERT_FALSE(
      command({"pg_ctlcluster", "--skip-systemctl-redirect", "15", kName, "start"}).exit.ok());
  report = start(other.pid());
  ASSERT_TRUE(report) << report.error().message();
  ASSERT_TRUE(report->postmaster) << report->server_log;
  EXPECT_TRUE(answers());
  EXPECT_EQ(other.query("select 1"), "1");
}

TEST_F(DebianTest, TellsWhyAClusterDoesNotStart) {
  // Goal: pg_ctl hides why a start failed; the report has the server's own words (K43).
  const std::string conf = std::string("/etc/postgresql/15/") + kName + "/postgresql.conf";
  write_file(conf, read_all(conf) + "shared_buffers = 'lots'\n");
  EXPECT_THAT(run(instance_->check_config()).error().detail, HasSubstr(conf));
  const auto report = start();
  const std::string said = report ? report->server_log : report.error().message();
  EXPECT_THAT(said, HasSubstr("shared_buffers"));
  EXPECT_FALSE(instance_->find_postmaster());
}

TEST_F(DebianTest, ObeysAClusterThatIsDisabled) {
  // Goal: start.conf says "disabled": the operator's will, reported as the starter's own words.
  write_file(std::string("/etc/postgresql/15/") + kName + "/start.conf", "disabled\n");
  const auto report = start();
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::ServerStartFailed);
  EXPECT_THAT(report.error().detail, HasSubstr("disabled"));
  EXPECT_FALSE(instance_->find_postmaster());
}

TEST_F(DebianTest, AdoptsAClusterStartedByItsOwner) {
  // Goal: a server started by the operator with pg_ctlcluster is found by its data directory alone.
  ASSERT_TRUE(
      command({"pg_ctlcluster", "--skip-systemctl-redirect", "15", kName, "start"}).exit.ok());
  InstanceConfig config;
  config.kind = Kind::Managed;
  config.data_dir = instance_->data_dir();
  const auto by_dir = make_instance(loop_, config);
  ASSERT_TRUE(by_dir);
  EXPECT_EQ((*by_dir)->describe(), instance_->describe());
  EXPECT_EQ((*by_dir)->inspect_lock().state, LockState::Live);
}

}  // namespace
}  // namespace pgkeel::instance
