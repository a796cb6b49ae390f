// A protected database under a real guard: a drop nobody declared does not happen, one that was
// declared is named with who did it, and what protects is no incident when it comes or goes.
#include <nlohmann/json.hpp>

#include "chaos/chaos.hpp"
#include "incident/ddl_trail.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"
#include "maintain/protection.hpp"

namespace pgkeel::chaos {
namespace {

using incident::Incident;
using testing::HasSubstr;

class Protected : public testing::Test {
 protected:
  void SetUp() override {
    scene_ = build_scene({{"PGKEEL_RECOVER_MISSING_TABLE", "advise"}});
    ASSERT_TRUE(scene_.stage);
    access_ = {&loop_, scene_.stage->conninfo("shop"), {}};
    add_writer(scene_);
    const auto now = loop_.run_until_complete(maintain::protect(&access_, "shop", "a test"));
    ASSERT_TRUE(now) << now.error().message();
  }
  app::Stage& stage() { return *scene_.stage; }
  std::vector<pg::DdlLine> trail() {
    const auto store = incident::Store::open_read_only(stage().config().state_dir);
    if (!store) return {};
    return incident::DdlTrail(**store).since({}, 1'000).value_or(std::vector<pg::DdlLine>());
  }
  bool is_recorded(std::string_view outcome) {
    return test::wait_until([&] {
      return std::ranges::any_of(trail(), [&](const pg::DdlLine& line) {
        return line.tag == "DROP TABLE" && line.outcome == outcome;
      });
    });
  }

  runtime::Loop loop_;
  Scene scene_;
  maintain::ServerAccess access_;
};

TEST_F(Protected, ADropNobodyDeclaredDoesNotHappen) {
  // Goal: C4: refused and on record outside the database; the writer notices nothing; switching it
  // off takes a schema away and is no incident.
  const auto before = incidents(stage()).size();  // of the stage's own making
  EXPECT_FALSE(stage().sql("shop", "drop table orders"));
  EXPECT_TRUE(is_recorded("refused"));
  EXPECT_TRUE(loop_.run_until_complete(maintain::unprotect(&access_, "shop")));
  EXPECT_TRUE(stage().sql("shop", "create table later (id int)"));
  EXPECT_FALSE(test::wait_until([&] { return incidents(stage()).size() > before; }, kStaysDown));
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(Protected, ADeclaredOneIsNamedWithWhoDidIt) {
  // Goal: C4 D1: the incident's evidence says which role dropped it, from where and why it was let
  // through; the record outlives the table, and a guard that was away reads it later.
  stage().note_broken();
  ASSERT_TRUE(stage().sql("shop", "create table victim as select 1 as id"));
  const auto window = wall_now() + Seconds(600);
  ASSERT_TRUE(loop_.run_until_complete(maintain::set_window(&access_, "shop", window, "a test")));
  ASSERT_TRUE(test::wait_until([&] {
    const auto store = incident::Store::open_read_only(stage().config().state_dir);
    if (!store) return false;
    const auto known = incident::Ledger(**store).relations("shop");
    return known &&
           std::ranges::any_of(*known, [](const auto& one) { return one.name == "victim"; });
  }));
  ASSERT_TRUE(stage().sql("shop", "drop table victim"));
  ASSERT_TRUE(await_incident(stage(), "table_dropped", [](const Incident& incident) {
    return std::ranges::any_of(incident.evidence, [](const auto& item) {
      return item.source == "ddl" && item.text.contains("DROP TABLE table public.victim by role") &&
             item.text.contains("allowed by window");
    });
  }));
  EXPECT_TRUE(is_recorded("allowed by window"));

  const auto before = trail().size();
  stage().end_guard();
  ASSERT_TRUE(stage().sql("shop", "create table meanwhile (id int)"));
  ASSERT_TRUE(stage().start_guard());
  EXPECT_TRUE(test::wait_until([&] { return trail().size() > before; }));
  ASSERT_TRUE(stage().client().post("/api/v1/forget", {{"relation", "shop.public.victim"}}));
  ASSERT_TRUE(service_restored(scene_));
}

}  // namespace
}  // namespace pgkeel::chaos
