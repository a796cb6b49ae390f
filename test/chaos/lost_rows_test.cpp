// Rows that go while their table stays, a schema that goes with its tables, a guard that is killed:
// each is named, nothing is done for it, and the operator's word ends it.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "chaos/chaos.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"

namespace pgkeel::chaos {
namespace {

using incident::Incident;
using incident::IncidentState;
using testing::HasSubstr;

bool waits(const Incident& incident) {
  return incident.state == IncidentState::Waiting && incident.actions.empty();
}
bool closed(const Incident& incident) { return incident.state == IncidentState::Closed; }

class LostRows : public testing::Test {
 protected:
  void SetUp() override {
    scene_ = build_scene();
    ASSERT_TRUE(scene_.stage);
  }
  void TearDown() override {
    if (HasFailure() && scene_.stage) stage().keep();
  }

  [[nodiscard]] app::Stage& stage() { return *scene_.stage; }
  void sql(const std::string& statement) {
    const auto done = stage().sql("shop", statement);
    ASSERT_TRUE(done.has_value()) << statement << ": " << done.error().message();
  }
  [[nodiscard]] std::optional<Incident> newest(std::string_view cause) {
    for (auto& incident : incidents(stage()))
      if (incident.cause == cause) return std::move(incident);
    return std::nullopt;
  }
  void await(std::string_view cause, const std::string& subject, bool (*good)(const Incident&)) {
    const auto met = [&] {
      const auto found = newest(cause);
      return found && found->subject == subject && good(*found);
    };
    ASSERT_TRUE(test::wait_until(met, kPatience)) << cause << " of " << subject;
  }
  void forget(const nlohmann::ordered_json& what) {
    const auto told = stage().client().post("/api/v1/forget", what);
    ASSERT_TRUE(told.has_value()) << told.error().message();
  }
  [[nodiscard]] bool ledger_knows(const std::string& table) {
    const auto store = incident::Store::open_read_only(stage().config().state_dir);
    if (!store) return false;
    const auto relations = incident::Ledger(**store).relations("shop");
    return relations &&
           std::ranges::any_of(*relations, [&](const auto& known) { return known.name == table; });
  }
  // The server's statistics know the rows, and the guard has listed the tables since.
  void await_counted(int rows) {
    const auto counted = [&] {
      const auto sum = stage().sql("shop",
                                   "select sum(n_live_tup) from pg_stat_user_tables where relname "
                                   "in ('staging', 'history')");
      return sum && sum->int64(0, 0) == rows;
    };
    ASSERT_TRUE(test::wait_until(counted, kPatience));
    sql("create table marker (id int)");
    ASSERT_TRUE(test::wait_until([&] { return ledger_knows("marker"); }, kPatience));
  }

  Scene scene_;
};

TEST_F(LostRows, AreNamedUntilTheOperatorSaysItWasMeant) {
  // Goal: TRUNCATE, a mass DELETE and DROP SCHEMA are one incident each, named at once, never acted
  // on, and remembered by the next guard, which also says that its predecessor was killed (D1 A9
  // X8).
  add_writer(scene_);
  sql("create table staging as select generate_series(1, 2000) id");
  sql("create table history as select generate_series(1, 2000) id");
  sql("create schema app create table a (id int) create table b (id int)");
  await_counted(4000);
  const auto before = incidents(stage()).size();
  sql("truncate staging");
  await("table_truncated", "shop.public.staging", waits);
  sql("delete from history where id > 10");
  await("mass_delete", "shop.public.history", waits);

  ASSERT_TRUE(stage().kill_guard().has_value());
  ASSERT_TRUE(stage().start_guard().has_value());
  await("guard_killed", "guard", healed);
  EXPECT_THAT(newest("guard_killed")->summary, HasSubstr("was not watched from"));
  await("table_truncated", "shop.public.staging", waits);
  await("mass_delete", "shop.public.history", waits);

  forget({{"relation", "shop.public.staging"}});
  await("table_truncated", "shop.public.staging", closed);
  forget({{"relation", "shop.public.history"}});
  await("mass_delete", "shop.public.history", closed);
  sql("drop schema app cascade");
  await("schema_dropped", "shop.app", waits);
  EXPECT_FALSE(newest("table_dropped"));
  forget({{"database", "shop"}, {"schema", "app"}});
  await("schema_dropped", "shop.app", closed);
  EXPECT_EQ(incidents(stage()).size(), before + 4);
  ASSERT_TRUE(service_restored(scene_));
}

}  // namespace
}  // namespace pgkeel::chaos
