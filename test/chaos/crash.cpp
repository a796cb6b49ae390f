// See crash.hpp.
#include "chaos/crash.hpp"

#include <csignal>

namespace pgkeel::chaos {

namespace fs = std::filesystem;

app::GuardEnvironment crash_at(const fs::path& mark, const std::string& name) {
  return {{"PGKEEL_CRASH_AT", name}, {"PGKEEL_CRASH_MARK", mark.string()}};
}

void expect_died_at_the_place(Scene& scene, const fs::path& mark) {
  const auto ended = scene.stage->await_guard_end(kPatience);
  ASSERT_TRUE(ended.has_value()) << ended.error().message();
  EXPECT_EQ(ended->signal, SIGKILL) << ended->describe();
  EXPECT_TRUE(fs::exists(mark)) << "it died elsewhere";
}

void expect_next_guard_finishes(Scene& scene, std::string_view cause,
                                const app::GuardEnvironment& environment) {
  const auto started = scene.stage->start_guard(environment);
  ASSERT_TRUE(started.has_value()) << started.error().message();
  ASSERT_TRUE(await_healed(*scene.stage, cause));
  ASSERT_TRUE(service_restored(scene));
}

}  // namespace pgkeel::chaos
