// A damaged index over a sound table is made anew, over a damaged one it is left to a human; a
// guard that only advises rebuilds nothing. Then the walk: the guard is killed at every line of the
// playbook, and what it left half built is cleared away by the next, and nothing else.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "chaos/clients.hpp"
#include "chaos/crash.hpp"
#include "chaos/doctor.hpp"
#include "recover/executor.hpp"
#include "recover/playbook.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

using incident::ActionOutcome;
using incident::Incident;

constexpr std::string_view kCause = "index_corrupted";
constexpr std::string_view kPlaybook = "rebuild_index";
constexpr std::streamoff kPage = 8192;

bool advised(const Incident& incident) {
  return std::ranges::any_of(incident.actions, [](const auto& action) {
    return action.outcome == ActionOutcome::Advised;
  });
}

auto noted(std::string words) {
  return [words = std::move(words)](const Incident& incident) {
    return healed(incident) && std::ranges::any_of(incident.actions, [&](const auto& action) {
             return action.outcome == ActionOutcome::Done && action.note.contains(words);
           });
  };
}

auto waits_for(std::string words) {
  return [words = std::move(words)](const Incident& incident) {
    return std::ranges::any_of(incident.events, [&](const auto& event) {
      return event.text.starts_with("waiting for a human") && event.text.contains(words);
    });
  };
}

class DamagedIndex : public testing::Test {
 protected:
  void SetUp() override {
    scene_ = build_scene();
    ASSERT_TRUE(scene_.stage);
    add_writer(scene_);
  }
  void TearDown() override {
    if (HasFailure() && scene_.stage) stage().keep();
  }
  app::Stage& stage() { return *scene_.stage; }
  void run(const std::string& statement) {
    const auto done = stage().sql("postgres", statement);
    ASSERT_TRUE(done.has_value()) << statement << ": " << done.error().message();
  }
  fs::path file_of(const std::string& relation) {
    return stage().instance().data_dir() /
           ask(stage(), "select pg_relation_filepath('" + relation + "')");
  }
  static void overwrite(const fs::path& file, std::streamoff at, const std::string& bytes) {
    std::fstream page(file, std::ios::in | std::ios::out | std::ios::binary);
    page.seekp(at);
    page << bytes;
    ASSERT_TRUE(page.good());
  }
  // Tables of 2000 rows whose primary keys have lost a page; what was read is forgotten with the
  // server.
  void damage_indexes_of(const std::vector<std::string>& tables) {
    std::vector<fs::path> files;
    for (const auto& table : tables) {
      run(fmt::format("create table {} (i int primary key, v text)", table));
      run(fmt::format("insert into {} select i, 'v' from generate_series(1, 2000) i", table));
      files.push_back(file_of(table + "_pkey"));
    }
    run("checkpoint");
    kill_server(stage());
    ASSERT_TRUE(await_healed(stage(), "server_killed"));
    for (const auto& file : files) overwrite(file, kPage, std::string(kPage, '\0'));
  }
  bool found_by_key(const std::string& table) {
    const auto rows = stage().sql(
        "postgres", fmt::format("set enable_seqscan = off; select v from {} where i = 3", table));
    return rows && rows->size() == 1;
  }
  void meet(const std::string& table) {
    stage().note_broken();
    ASSERT_FALSE(found_by_key(table));
  }
  void restart_guard(const app::GuardEnvironment& more = {}) {
    stage().end_guard();
    ASSERT_TRUE(stage().start_guard(more).has_value());
    ASSERT_TRUE(stage().await_ready().has_value());
  }
  std::string oid_of(const std::string& index) {
    return ask(stage(), "select '" + index + "'::regclass::oid");
  }
  std::ptrdiff_t opened_since() {
    const auto all = incidents(stage());
    const auto since = std::chrono::floor<Millis>(stage().broken_at());
    return std::ranges::count_if(all, [&](const Incident& incident) {
      return incident.cause == kCause && incident.opened_at >= since;
    });
  }
  std::string invalid_indexes() {
    return ask(stage(),
               "select string_agg(indexrelid::regclass::text, ',') from pg_index where not "
               "indisvalid");
  }

  Scene scene_;
};

TEST_F(DamagedIndex, IsMadeAnewOnceItsTableIsProvenSound) {
  // Goal: K16: advise mode rebuilds nothing; without amcheck the table is read, with it both are
  // checked; over a damaged table nothing is rebuilt; what was mended is not told again by the next
  // guard, which reads the same log (A5 A6 C2 D3 X8).
  ASSERT_NO_FATAL_FAILURE(damage_indexes_of({"read", "checked", "two", "last"}));
  ASSERT_NO_FATAL_FAILURE(restart_guard({{"PGKEEL_MODE", "advise"}}));
  const auto before = oid_of("read_pkey");
  ASSERT_NO_FATAL_FAILURE(meet("read"));
  ASSERT_TRUE(await_incident(stage(), kCause, advised));
  EXPECT_TRUE(doctor_names(stage(), kCause));
  EXPECT_FALSE(found_by_key("read"));
  stage().end_guard();
  ASSERT_TRUE(stage().start_guard().has_value());
  ASSERT_TRUE(await_incident(stage(), kCause, noted("every row of table public.read")));
  EXPECT_TRUE(found_by_key("read"));
  EXPECT_NE(oid_of("read_pkey"), before);

  run("create extension amcheck");
  ASSERT_NO_FATAL_FAILURE(meet("checked"));
  ASSERT_TRUE(await_incident(stage(), kCause, noted("amcheck finds it whole")));
  EXPECT_TRUE(found_by_key("checked"));

  overwrite(file_of("two"), kPage + 4000, std::string(200, 'z'));
  ASSERT_NO_FATAL_FAILURE(meet("two"));
  ASSERT_TRUE(await_incident(stage(), kCause, waits_for("is damaged as well")));
  EXPECT_FALSE(found_by_key("two"));

  stage().end_guard();
  ASSERT_NO_FATAL_FAILURE(meet("last"));
  ASSERT_TRUE(stage().start_guard().has_value());
  ASSERT_TRUE(await_incident(stage(), kCause, noted("amcheck finds it whole")));
  EXPECT_EQ(opened_since(), 1) << "what is mended is told again";
  EXPECT_EQ(invalid_indexes(), "");
  EXPECT_TRUE(service_restored(scene_));
}

TEST_F(DamagedIndex, IsFinishedByTheNextGuard) {
  // Goal: D6 E6: at every line of the playbook; the index an interrupted rebuild left invalid is
  // dropped, one that somebody else left is not.
  std::vector<std::pair<std::string_view, std::string_view>> places;
  std::vector<std::string> tables;
  for (const auto& step : recover::playbook_by_name(kPlaybook).steps)
    for (const auto place : kPlaces) {
      places.emplace_back(step.name, place);
      tables.push_back(fmt::format("walked_{}", places.size()));
    }
  run("create extension amcheck");
  ASSERT_NO_FATAL_FAILURE(damage_indexes_of(tables));
  run("create table twice as select 1 as i from generate_series(1, 2)");
  EXPECT_FALSE(stage().sql("postgres",
                           "create unique index concurrently foreign_pkey_ccnew on "
                           "twice (i)"));
  for (std::size_t at = 0; at < places.size(); ++at) {
    const auto& [step, place] = places[at];
    SCOPED_TRACE(fmt::format("{}/{}", step, place));
    const auto mark = stage().directory() / "mark";
    fs::remove(mark);
    ASSERT_NO_FATAL_FAILURE(
        restart_guard(crash_at(mark, recover::fault_point_name(kPlaybook, step, place))));
    ASSERT_NO_FATAL_FAILURE(meet(tables[at]));
    ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark));
    const bool midway = step == kPlaybook && place == "intended";
    if (midway)  // as REINDEX CONCURRENTLY leaves it
      EXPECT_FALSE(stage().sql(
          "postgres",
          fmt::format("create unique index concurrently {0}_pkey_ccnew on {0} (v)", tables[at])));
    ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(scene_, kCause));
    EXPECT_TRUE(found_by_key(tables[at]));
  }
  EXPECT_EQ(invalid_indexes(), "foreign_pkey_ccnew");
}

}  // namespace
}  // namespace pgkeel::chaos
