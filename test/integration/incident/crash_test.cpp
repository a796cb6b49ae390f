// The journal and the ledger after SIGKILL: what was acknowledged is there, at most the call that
// was under way is there too, and nothing is damaged.
#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include <fmt/format.h>

#include "incident/journal.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"
#include "support/temp_dir.hpp"
#include "writer_process.hpp"

namespace pgkeel::incident {
namespace {

using testing::IsEmpty;

// What the writer said over all its lives.
struct Said {
  std::vector<std::string> incidents;  // in order; all must differ
  std::map<std::string, std::set<std::string>> sets;
  std::map<std::string, std::uint64_t> latest;
  std::map<std::string, std::size_t> times;

  void take(const std::vector<std::string>& lines) {
    for (const auto& line : lines) {
      const auto space = line.find(' ');
      if (space == std::string::npos) continue;
      const auto word = line.substr(0, space);
      const auto value = line.substr(space + 1);
      ++times[word];
      if (word == "incident") incidents.push_back(value);
      if (value.find('-') != std::string::npos) sets[word].insert(value);
      else latest[word] = std::stoull(value);
    }
  }
};

std::set<std::string> stored(const std::vector<Incident>& incidents, std::string_view what) {
  std::set<std::string> found;
  for (const auto& incident : incidents) {
    if (what == "incident") found.insert(incident.id);
    if (what == "closed" && incident.state == IncidentState::Closed) found.insert(incident.id);
    if (what == "evidence" && !incident.evidence.empty()) found.insert(incident.id);
    for (const auto& action : incident.actions)
      if (what == "begun" || (what == "ended" && action.outcome == ActionOutcome::Done))
        found.insert(fmt::format("{}/{}", incident.id, action.id));
  }
  return found;
}

// Reading opens the store as the next guard does.
class AfterCrash {
 public:
  explicit AfterCrash(const std::filesystem::path& state_dir)
      : store_(Store::open(state_dir).value()), journal_(*store_), ledger_(*store_) {}

  void expect_holds(const Said& said, std::size_t lives) {
    EXPECT_THAT(store_->set_aside_note(), IsEmpty()) << "a crash damages nothing";
    const auto incidents = all_incidents();
    const std::set<std::string> ids(said.incidents.begin(), said.incidents.end());
    EXPECT_EQ(ids.size(), said.incidents.size()) << "an id was given twice";
    for (const auto* what : {"incident", "evidence", "begun", "ended", "closed"}) {
      const auto there = stored(incidents, what);
      const auto found = said.sets.find(what);
      const auto wanted = found == said.sets.end() ? std::set<std::string>() : found->second;
      for (const auto& one : wanted) EXPECT_TRUE(there.contains(one)) << what << " " << one;
      EXPECT_LE(there.size(), wanted.size() + lives) << what << ": more than was under way";
    }
    expect_latest("lsn", said, [this] { return ledger_.identity().value()->last_lsn.value; });
    expect_latest("fact", said, [this] { return std::stoull(ledger_.fact("round").value()); });
    const auto forgotten = said.times.find("forgotten");
    if (forgotten != said.times.end())
      EXPECT_GE(ledger_.history(10'000)->size(), 2 * forgotten->second) << "decisions of people";
  }

 private:
  std::vector<Incident> all_incidents() {
    std::vector<Incident> whole;
    for (const auto& incident : journal_.list(10'000).value())
      whole.push_back(journal_.load(incident.id).value());
    return whole;
  }

  template <class Read>
  void expect_latest(const std::string& what, const Said& said, Read read) {
    const auto found = said.latest.find(what);
    if (found != said.latest.end()) EXPECT_GE(read(), found->second) << what;
  }

  std::unique_ptr<Store> store_;
  Journal journal_;
  Ledger ledger_;
};

TEST(Crash, NothingAcknowledgedIsLost) {
  // Killed at random moments, over and over on one file: every call that returned is there. A9 X8
  const test::TempDir dir;
  std::mt19937 random(20261121);  // NOLINT: where in the run is random, how long it runs is not
  Said said;
  constexpr std::size_t kLives = 25;
  for (std::size_t life = 1; life <= kLives; ++life) {
    WriterProcess writer(dir / "state");
    std::vector<std::string> lines;
    for (auto left = 1 + random() % 60; left > 0; --left)
      if (auto line = writer.next_line()) lines.push_back(std::move(*line));
    writer.kill();
    ASSERT_EQ(writer.wait(lines), SIGKILL);
    ASSERT_EQ(lines.at(0), "opened");
    said.take(lines);
    AfterCrash(dir / "state").expect_holds(said, life);
  }
  EXPECT_GT(said.incidents.size(), kLives);
}

class CrashAt : public testing::TestWithParam<const char*> {};

TEST_P(CrashAt, TheNextGuardFindsAWholeState) {
  // Ended exactly at a named place between two lines of the journal: the next guard opens the file,
  // finds what was acknowledged, and a writer goes on from there. A9
  const test::TempDir dir;
  Said said;
  for (std::size_t life = 1; life <= 2; ++life) {
    WriterProcess writer(dir / "state", GetParam());
    std::vector<std::string> lines;
    const auto signal = writer.wait(lines);
    ASSERT_EQ(signal, SIGKILL) << "the fault point is gone";
    said.take(lines);
    AfterCrash(dir / "state").expect_holds(said, life);
    if (std::string_view(GetParam()).starts_with("store.migrate")) break;  // only the first time
  }
  WriterProcess writer(dir / "state");
  std::vector<std::string> lines;
  while (lines.size() < 30)
    if (auto line = writer.next_line()) lines.push_back(std::move(*line));
  writer.kill();
  writer.wait(lines);
  said.take(lines);
  AfterCrash(dir / "state").expect_holds(said, 3);
}

INSTANTIATE_TEST_SUITE_P(
    FaultPoints, CrashAt,
    testing::Values("store.migrate:uncommitted", "store.migrate:committed",
                    "journal.open:uncommitted", "journal.open:committed",
                    "journal.append:uncommitted", "journal.append:committed",
                    "journal.begin_action:uncommitted", "journal.begin_action:committed",
                    "journal.end_action:uncommitted", "journal.end_action:committed",
                    "journal.update:uncommitted", "journal.update:committed",
                    "ledger.record_identity:uncommitted", "ledger.record_identity:committed",
                    "ledger.record_databases:uncommitted", "ledger.record_databases:committed",
                    "ledger.record_relations:uncommitted", "ledger.record_definitions:uncommitted",
                    "ledger.record_config_files:uncommitted", "ledger.set_fact:uncommitted",
                    "ledger.forget_database:uncommitted", "ledger.forget_database:committed",
                    "ledger.forget_relation:uncommitted", "ledger.accept_identity:committed",
                    "ledger.accept_identity:uncommitted"),
    [](const testing::TestParamInfo<const char*>& param) {
      std::string name = param.param;
      for (auto& c : name)
        if (c == '.' || c == ':') c = '_';
      return name;
    });

class CrashReplacing : public testing::TestWithParam<std::tuple<const char*, int>> {};

TEST_P(CrashReplacing, KeepsTheDamagedFileAndWhatWasRescued) {
  // Killed between any two steps of putting a damaged file aside: the damaged bytes still exist,
  // once, the identity is carried over, and the next guard says so and goes on. X8
  const test::TempDir dir;
  const auto state_dir = dir / "state";
  std::vector<std::string> lines;
  {
    WriterProcess writer(state_dir);
    while (lines.size() < 40) lines.push_back(writer.next_line().value());
  }  // killed: -wal and -shm are still there
  {
    const auto whole = Store::open(state_dir).value();  // closes cleanly: all pages are in the file
    ASSERT_TRUE(Ledger(*whole).record_definitions("shop", {wall_now(), std::string(200'000, 'd')}));
  }
  const auto size = std::filesystem::file_size(state_dir / "state.db");
  {
    std::fstream file(state_dir / "state.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(size) - 100 * 1024);
    file << std::string(100 * 1024, '\xa5');
    std::ofstream(state_dir / "state.db-wal", std::ios::binary) << std::string(5'000, '\xa5');
  }
  const auto [place, lives] = GetParam();
  for (int life = 0; life < lives; ++life) {
    WriterProcess writer(state_dir, place);
    std::vector<std::string> said;
    ASSERT_EQ(writer.wait(said), SIGKILL);
    ASSERT_THAT(said, IsEmpty());
  }
  const auto store = Store::open(state_dir);
  ASSERT_TRUE(store) << store.error().message();
  EXPECT_THAT((*store)->set_aside_note(), testing::HasSubstr("state.db.damaged-"));
  const auto identity = Ledger(**store).identity().value();
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->system_id, SystemId(7'300'000'000'000'000'001ULL));
  std::multiset<std::uintmax_t> kept;
  for (const auto& entry : std::filesystem::directory_iterator(state_dir))
    if (const auto name = entry.path().filename().string();
        name.find("damaged-") != std::string::npos && !name.ends_with("-shm"))
      kept.insert(entry.file_size());
  EXPECT_EQ(kept, (std::multiset<std::uintmax_t>{5'000, size}));
}

// The first of three renames ends the first life; the second life begins behind it and is ended by
// the next rename.
INSTANTIATE_TEST_SUITE_P(FaultPoints, CrashReplacing,
                         testing::Values(std::tuple("store.replace:filled", 1),
                                         std::tuple("store.replace:filled", 2),
                                         std::tuple("store.set_aside:renamed", 1),
                                         std::tuple("store.set_aside:renamed", 2)));

}  // namespace
}  // namespace pgkeel::incident
