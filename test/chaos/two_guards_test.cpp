// One guard owns an instance: a second one says who holds it and exits 3, whether it comes by the
// same state directory or by the same data directory.
#include <fmt/format.h>

#include "chaos/chaos.hpp"

namespace pgkeel::chaos {
namespace {

constexpr int kExitLocked = 3;

runtime::ProcessOutput second_guard(app::Stage& stage, app::GuardEnvironment environment) {
  runtime::ProcessSpec spec;
  spec.argv = {PGKEEL_BINARY, "guard", "--config", (stage.directory() / "pgkeel.toml").string()};
  spec.environment = std::move(environment);
  auto output = stage.loop().run_until_complete(
      runtime::run_process(stage.loop(), std::move(spec), stage.loop().after(kPatience)));
  if (output) return *output;
  ADD_FAILURE() << output.error().message();
  return {};
}

void expect_refused(Scene& scene, app::GuardEnvironment environment) {
  const auto output = second_guard(*scene.stage, std::move(environment));
  EXPECT_EQ(output.exit.code, kExitLocked) << output.exit.describe();
  EXPECT_THAT(output.out + output.err,
              testing::HasSubstr(std::to_string(scene.stage->guard_pid())));
  EXPECT_TRUE(scene.stage->guard_alive());
  EXPECT_TRUE(service_restored(scene));
}

TEST(TwoGuards, TheSecondSaysWhoHoldsItAndExits3) {
  // The lock on the state directory and the one on the data directory each keep a second one out.
  auto scene = build_scene();
  ASSERT_TRUE(scene.stage);
  add_writer(scene);
  expect_refused(scene, {});
  expect_refused(scene, {{"PGKEEL_STATE_DIR", (scene.stage->directory() / "other").string()}});
}

}  // namespace
}  // namespace pgkeel::chaos
