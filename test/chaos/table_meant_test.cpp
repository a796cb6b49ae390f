// What was dropped on purpose stays dropped: by default the guard names the table that is gone,
// does nothing, and remembers the operator's answer.
#include <nlohmann/json.hpp>

#include "chaos/chaos.hpp"

namespace pgkeel::chaos {
namespace {

using incident::Incident;
using incident::IncidentState;

TEST(TableMeant, TheGuardWaitsUntilItIsToldToForget) {
  // With the default policy nothing is done about a dropped table; forget closes it (D1 X8).
  auto scene = build_scene({{"PGKEEL_RECOVER_MISSING_TABLE", "restore"}});
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  ASSERT_TRUE(fault_named("table_dropped").inject(stage).has_value());
  const auto waits = [](const Incident& incident) {
    return incident.state == IncidentState::Waiting && incident.actions.empty();
  };
  ASSERT_TRUE(await_incident(stage, "table_dropped", waits));
  EXPECT_FALSE(test::wait_until([&] { return stage.sql("shop", "select from orders").has_value(); },
                                kStaysDown));
  ASSERT_TRUE(await_incident(stage, "table_dropped", waits));
  const auto told = stage.client().post("/api/v1/forget", {{"relation", "shop.public.orders"}});
  ASSERT_TRUE(told.has_value()) << told.error().message();
  ASSERT_TRUE(await_incident(stage, "table_dropped", [](const Incident& incident) {
    return incident.state == IncidentState::Closed;
  }));
  ASSERT_TRUE(service_restored(scene));
}

}  // namespace
}  // namespace pgkeel::chaos
