// kill -9 of the guard is no event for the application: PostgreSQL is not its child in any way that
// matters, and the next guard adopts the server that runs.
#include "chaos/chaos.hpp"

namespace pgkeel::chaos {
namespace {

TEST(GuardKilled, PostgresKeepsServingAndTheNextGuardAdoptsIt) {
  // The writer sees no error, the postmaster stays the same, guarding goes on (A9 D6).
  auto scene = build_scene();
  ASSERT_TRUE(scene.stage);
  auto& stage = *scene.stage;
  add_writer(scene);
  ASSERT_TRUE(service_restored(scene));
  const auto postmaster = postmaster_pid(stage);
  scene.writer->mark();
  ASSERT_TRUE(stage.kill_guard().has_value());
  ASSERT_TRUE(service_restored(scene));
  ASSERT_TRUE(stage.start_guard().has_value());
  ASSERT_TRUE(stage.await_ready().has_value());
  EXPECT_EQ(postmaster_pid(stage), postmaster);
  EXPECT_TRUE(incidents(stage).empty() || settled(stage));
  ASSERT_TRUE(service_restored(scene));
  EXPECT_EQ(scene.writer->tally().errors, 0);
  kill_server(stage);
  ASSERT_TRUE(await_healed(stage, "server_killed"));
  ASSERT_TRUE(service_restored(scene));
}

}  // namespace
}  // namespace pgkeel::chaos
