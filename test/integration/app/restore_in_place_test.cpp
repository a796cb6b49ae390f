// pgkeel restore --in-place as a person uses it: the real binary over a real data directory, killed
// at every step, in a plain directory and in a mount point.
#include <gmock/gmock.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "incident/ledger.hpp"
#include "incident/store.hpp"
#include "integration/app/background.hpp"
#include "integration/app/binary.hpp"
#include "integration/app/fake_guard.hpp"
#include "runtime/files.hpp"
#include "support/child.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

const std::vector<std::string> kDryRun{"restore", "--in-place"};
const std::vector<std::string> kDoIt{"restore", "--in-place", "--yes"};

class InPlace : public testing::Test {
 protected:
  void SetUp() override { configure(server_, "state"); }

  void configure(const PostgresServer& server, const std::string& state) {
    binary_.write("pgkeel.toml",
                  "state_dir = \"" + state + "\"\n[instance]\nkind = \"managed\"\ndata_dir = \"" +
                      server.data_dir().string() + "\"\n[archive]\nstore = \"store\"\n");
  }
  /// A table of a hundred rows in the archive, and a row after it that only the server has.
  void archive_and_stop() {
    static_cast<void>(server_.rows("create table t as select generate_series(1, 100) n"));
    ASSERT_EQ(binary_.run({"backup", "now"}).exit_code, 0);
    static_cast<void>(server_.rows("insert into t values (101)"));
    server_.stop();
  }
  void put_into_place(const std::vector<std::string>& args = kDoIt) {
    const auto ran = binary_.run(args);
    said_ = ran.out;
    ASSERT_EQ(ran.exit_code, 0) << ran.err << ran.out;
  }
  std::string count_restored() {
    server_.start();
    auto rows = server_.query("select count(*) from t");
    server_.stop();
    return rows;
  }
  /// What stands beside the data directory, or in it, under a name that begins so.
  std::vector<fs::path> named(const fs::path& where, const std::string& prefix) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(where))
      if (entry.path().filename().string().starts_with(prefix)) found.push_back(entry.path());
    return found;
  }
  std::vector<fs::path> kept() {
    return named(server_.data_dir().parent_path(),
                 server_.data_dir().filename().string() + ".pgkeel-aside-");
  }
  /// Killed there, then finished by the next run.
  void walk(const std::string& place) {
    SCOPED_TRACE(place);
    const Environment crash{{"PGKEEL_CRASH_AT", place},
                            {"PGKEEL_CRASH_MARK", (binary_.dir() / ("mark-" + place)).string()}};
    ASSERT_TRUE(binary_.is_killed(kDoIt, crash));
    ASSERT_NO_FATAL_FAILURE(put_into_place());
    EXPECT_EQ(count_restored(), "100");
  }

  PostgresServer server_;
  Binary binary_;
  std::string said_;
};

TEST_F(InPlace, TheOldDirectoryIsKeptWithEveryRow) {
  // Goal: nothing happens without --yes or while a server runs; then the archive's moment is in
  // place and what was there is whole beside it (D7 D10).
  static_cast<void>(server_.rows("select 1"));
  const auto space = server_.temp_dir() / "space";
  fs::create_directory(space);
  give_to_server(space);
  static_cast<void>(server_.rows("create tablespace fast location '" + space.string() + "'"));
  static_cast<void>(server_.rows("create table f tablespace fast as select 1 n"));
  ASSERT_NO_FATAL_FAILURE(archive_and_stop());
  server_.start();
  const auto refused = binary_.run(kDoIt);
  EXPECT_EQ(refused.exit_code, 4);
  EXPECT_THAT(refused.err, HasSubstr("a server runs in"));
  server_.stop();
  const auto told = binary_.run(kDryRun);
  EXPECT_EQ(told.exit_code, 0) << told.err;
  EXPECT_THAT(told.out, HasSubstr("Nothing was changed"));
  EXPECT_THAT(told.out, HasSubstr(space.string() + " stays as it is"));
  EXPECT_EQ(kept().size(), 0U);
  ASSERT_NO_FATAL_FAILURE(put_into_place());
  EXPECT_THAT(said_, HasSubstr("/pg_ctl start -D " + server_.data_dir().string()));
  EXPECT_EQ(count_restored(), "100");
  ASSERT_EQ(kept().size(), 1U);
  const PostgresServer old({.copy_of = kept().front()});
  EXPECT_EQ(old.query("select count(*) from t"), "101");
  EXPECT_EQ(old.query("select count(*) from f"), "1");
}

TEST_F(InPlace, ARunThatWasKilledAnywhereIsFinishedByTheNext) {
  // Goal: between any two steps either the old or the new cluster is whole under a name that says
  // so, and the next run ends with the new one in place (D7 D10 E7).
  ASSERT_NO_FATAL_FAILURE(archive_and_stop());
  for (const char* place : {"in_place.begun", "in_place.restored", "in_place.complete",
                            "in_place.aside", "in_place.placing", "in_place.placed"}) {
    ASSERT_NO_FATAL_FAILURE(walk(place));
    EXPECT_THAT(said_, HasSubstr("A restore begun"));
  }
  ASSERT_NO_FATAL_FAILURE(walk("in_place.tidy"));  // all was done: the next run is a new one
  EXPECT_EQ(kept().size(), 8U);
  EXPECT_EQ(named(server_.data_dir().parent_path(),
                  server_.data_dir().filename().string() + ".pgkeel-in-place")
                .size(),
            0U);
}

TEST_F(InPlace, ACopyOfTheLatestMomentIsUsedOnlyUntilAServerRuns) {
  // Goal: a copy that was complete and not placed is placed when nothing was written since, and
  // made anew once the server served again: what is "the latest" holds every row of the archive
  // (D7 D10).
  ASSERT_NO_FATAL_FAILURE(archive_and_stop());
  ASSERT_TRUE(binary_.is_killed(
      kDoIt, {{"PGKEEL_CRASH_AT", "in_place.complete"},
              {"PGKEEL_CRASH_MARK", (binary_.dir() / "mark-complete").string()}}));
  EXPECT_THAT(binary_.run(kDryRun).out, testing::Not(HasSubstr("restore backup")));
  server_.start();
  static_cast<void>(server_.rows("insert into t values (102)"));
  ASSERT_EQ(binary_.run({"backup", "now"}).exit_code, 0);
  server_.stop();
  EXPECT_THAT(binary_.run(kDryRun).out, HasSubstr("restore backup"));
  ASSERT_NO_FATAL_FAILURE(put_into_place());
  EXPECT_THAT(said_, HasSubstr("made anew"));
  EXPECT_EQ(count_restored(), "102");
}

// The data directory as a mount point of this process and its children.
class Mounted {
 public:
  explicit Mounted(const fs::path& directory) : directory_(directory) {
    mounted_ = ::geteuid() == 0 && ::unshare(CLONE_NEWNS) == 0 &&
               ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               ::mount(directory.c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) == 0;
  }
  ~Mounted() {
    if (mounted_) ::umount2(directory_.c_str(), MNT_DETACH);
  }
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
  [[nodiscard]] bool possible() const { return mounted_; }

 private:
  fs::path directory_;
  bool mounted_ = false;
};

TEST_F(InPlace, AMountPointKeepsItsContentsInItself) {
  // Goal: a data directory that cannot be renamed: its contents are moved into a dated directory in
  // it, and a run that was killed between two of them is finished (D7 D10 E7).
  ASSERT_NO_FATAL_FAILURE(archive_and_stop());
  const Mounted mount(server_.data_dir());
  if (!mount.possible()) GTEST_SKIP() << "needs root and mount namespaces";
  for (const char* place :
       {"swap.entry_aside", "in_place.aside", "swap.entry_in", "in_place.placed"})
    ASSERT_NO_FATAL_FAILURE(walk(place));
  const auto asides = named(server_.data_dir(), "pgkeel-aside-");
  ASSERT_EQ(asides.size(), 4U);
  EXPECT_EQ(named(server_.data_dir(), "pgkeel-in-place").size(), 0U);
  EXPECT_EQ(kept().size(), 0U);
  const PostgresServer old({.copy_of = *std::ranges::min_element(asides)});
  EXPECT_EQ(old.query("select count(*) from t"), "101");
}

TEST_F(InPlace, AGuardLearnsAnewWhatAnEarlierMomentHolds) {
  // Goal: after going back in time the ledger knows neither the tables of the future nor its
  // position, so that no guard takes them for dropped (D10 E7).
  const auto first = json::parse(binary_.run({"backup", "now", "--json"}).out)["backup"];
  static_cast<void>(server_.rows("select pg_create_restore_point('here')"));
  static_cast<void>(server_.rows("create table future as select 1 n"));
  ASSERT_EQ(binary_.run({"backup", "now"}).exit_code, 0);
  incident::Identity known;
  known.system_id =
      parse_system_id(server_.query("select system_identifier from pg_control_system()")).value();
  known.timeline = TimelineId(1);
  known.major = 15;
  known.last_lsn = Lsn(1ULL << 40U);
  {
    const auto store = incident::Store::open(binary_.dir() / "state").value();
    incident::Ledger ledger(*store);
    ASSERT_TRUE(ledger.record_identity(known).has_value());
    incident::KnownRelation future;
    future.oid = Oid(1);
    future.schema = "public";
    future.name = "future";
    ASSERT_TRUE(ledger.record_relations("postgres", {future}).has_value());
  }
  server_.stop();
  auto back = kDoIt;
  back.insert(back.end(), {"--to", "name:here", "--backup", first.get<std::string>()});
  {
    const FakeGuard guard(binary_.dir() / "state");
    const auto refused = binary_.run(back);
    EXPECT_EQ(refused.exit_code, 3) << refused.out;
    EXPECT_THAT(refused.err, HasSubstr("Stop the guard"));
    EXPECT_THAT(guard.asked(), testing::ElementsAre("pause 86400000", "resume"));
  }
  ASSERT_NO_FATAL_FAILURE(put_into_place(back));
  const auto store = incident::Store::open_read_only(binary_.dir() / "state").value();
  const incident::Ledger ledger(*store);
  EXPECT_TRUE(ledger.relations("postgres").value().empty());
  EXPECT_EQ(ledger.identity().value()->timeline, TimelineId(2));
  EXPECT_LT(ledger.identity().value()->last_lsn, known.last_lsn);
}

TEST_F(InPlace, AnotherClusterIsNeverReplaced) {
  // Goal: an archive of another cluster than the one in the place, or than the guard knows, is
  // refused and nothing is changed (D7 X8).
  ASSERT_NO_FATAL_FAILURE(archive_and_stop());
  PostgresServer other({.start = FirstStart::No, .identity = Identity::Fresh});
  configure(other, "state");
  const auto refused = binary_.run(kDoIt);
  EXPECT_EQ(refused.exit_code, 4) << refused.out;
  EXPECT_THAT(refused.err, HasSubstr("the archive holds"));
  EXPECT_TRUE(fs::exists(other.data_dir() / "global" / "pg_control"));
}

TEST_F(InPlace, ARunningGuardIsPausedForAsLongAsItTakes) {
  // Goal: the guard of the instance acts on nothing meanwhile, and another guard's instance is
  // refused (D10 E7).
  static_cast<void>(server_.rows("create table t as select generate_series(1, 100) n"));
  ASSERT_EQ(binary_.run({"backup", "now"}).exit_code, 0);
  server_.stop();
  {
    const FakeGuard guard(binary_.dir() / "state");
    ASSERT_NO_FATAL_FAILURE(put_into_place());
    EXPECT_THAT(guard.asked(), testing::ElementsAre("pause 86400000", "resume"));
  }
  EXPECT_EQ(count_restored(), "100");
  const auto lock = runtime::FileLock::acquire(server_.data_dir() / ".", "another guard");
  ASSERT_TRUE(lock.has_value());
  const auto refused = binary_.run(kDoIt);
  EXPECT_EQ(refused.exit_code, 3) << refused.out;
  EXPECT_THAT(refused.err, HasSubstr("another state directory"));
}

}  // namespace
}  // namespace pgkeel::test
