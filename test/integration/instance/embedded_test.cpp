#include "instance/embedded.hpp"

#include <gmock/gmock.h>
#include <libpq-fe.h>
#include <sys/stat.h>

#include "integration/instance/fixture.hpp"
#include "support/child.hpp"
#include "support/proc_scan.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class EmbeddedTest : public testing::Test {
 protected:
  EmbeddedTest() {
    test::give_to_server(temp_.path());
    plan_.data_dir = temp_ / "data";
    plan_.settings = {{"fsync", "off"}, {"shared_buffers", "16MB"}};
  }
  ~EmbeddedTest() override {
    if (instance_) run(instance_->stop(StopMode::Immediate, soon()));
  }
  template <class T>
  T run(runtime::Task<T> task) {
    return loop_.run_until_complete(std::move(task));
  }
  SteadyTime soon() { return loop_.after(3 * test::kPatience); }
  Result<CreatedCluster> create(LedgerSays ledger = LedgerSays::NoClusterKnown) {
    return run(Embedded::create_cluster(loop_, plan_, ledger, soon()));
  }
  Instance& instance() {
    InstanceConfig config;
    config.kind = Kind::Embedded;
    config.data_dir = plan_.data_dir;
    if (!instance_) instance_ = *make_instance(loop_, config);
    return *instance_;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(temp_.path()))
      found.push_back(entry.path().filename().string());
    return found;
  }

  test::TempDir temp_;
  runtime::Loop loop_;
  ClusterPlan plan_;
  std::unique_ptr<Instance> instance_;
};

std::string login(const std::string& conninfo) {
  PGconn* connection = PQconnectdb((conninfo + " connect_timeout=10").c_str());
  std::string error = PQstatus(connection) == CONNECTION_OK ? "" : PQerrorMessage(connection);
  PQfinish(connection);
  return error;
}

TEST_F(EmbeddedTest, MakesAPrivateClusterThatStarts) {
  // Goal: from nothing to a running server that only its owner can reach without a password.
  const auto created = create();
  ASSERT_TRUE(created) << created.error().message();
  EXPECT_NE(created->port, 0);
  EXPECT_THAT(names(), testing::UnorderedElementsAre("data", "data.sock"));
  const auto report = run(instance().start({created->system_id, {}}, soon()));
  ASSERT_TRUE(report) << report.error().message();
  ASSERT_TRUE(report->postmaster) << report->server_log;
  EXPECT_EQ(instance().port(), created->port);
  EXPECT_EQ(instance().server_log(), temp_ / "data.log");

  const std::string port =
      " port=" + std::to_string(created->port) + " user=postgres dbname=postgres";
  EXPECT_EQ(login("host=" + created->socket_dir.string() + port), "");
  EXPECT_THAT(login("host=127.0.0.1" + port), HasSubstr("no password supplied"));
  struct stat status{};
  ASSERT_EQ(::stat(created->socket_dir.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  EXPECT_EQ(instance().inspect_data_dir().control->data_checksum_version, 1U);
}

TEST_F(EmbeddedTest, NeverMakesOneWhereTheLedgerKnowsOne) {
  // Goal: a lost data directory is never re-initialised, however empty its place is (D2, X8).
  const auto refused = create(LedgerSays::ClusterKnown);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::Refused);
  EXPECT_EQ(refused.error().exit_number(), 4);
  EXPECT_TRUE(names().empty());
}

TEST_F(EmbeddedTest, NeverInitialisesOverFiles) {
  // Goal: a directory that holds anything is refused and keeps it.
  fs::create_directory(plan_.data_dir);
  write_file(plan_.data_dir / "letter", "dear");
  const std::string before = listing(temp_.path());
  const auto refused = create();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::WrongState);
  EXPECT_EQ(listing(temp_.path()), before);
}

TEST_F(EmbeddedTest, TakesAnEmptyDirectory) {
  // Goal: a directory the user made beforehand, with nothing in it, is used.
  fs::create_directory(plan_.data_dir);
  const auto created = create();
  ASSERT_TRUE(created) << created.error().message();
  EXPECT_EQ(instance().inspect_data_dir().state, DataDirState::Present);
}

TEST_F(EmbeddedTest, AFailedInitdbLeavesNothingUnderTheFinalName) {
  // Goal: a half-made cluster never stands where a whole one is expected; initdb's words are told.
  plan_.superuser = "pg_reserved";
  const auto failed = create();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::ChildFailed);
  EXPECT_THAT(failed.error().detail, HasSubstr("pg_"));
  EXPECT_TRUE(names().empty());
}

TEST_F(EmbeddedTest, RefusesASocketPathTooLong) {
  // Goal: a path the kernel would cut is refused before anything is made.
  plan_.socket_dir = temp_ / std::string(120, 'x');
  const auto refused = create();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::ConfigBadValue);
  EXPECT_TRUE(names().empty());
}

}  // namespace
}  // namespace pgkeel::instance
