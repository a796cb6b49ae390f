// See guard.hpp. A container engine of the benchmark's own; with no restart policy, so that the
// guard alone brings the server back, and an engine's event is how it learns of the death.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <thread>

#include "app/demo/play.hpp"
#include "bench/guard.hpp"
#include "bench/support/cpu_meter.hpp"
#include "chaos/container_engine.hpp"
#include "instance/engine.hpp"
#include "runtime/fd.hpp"

namespace pgkeel::bench {
namespace {

constexpr int kKills = 5;  // within the stage's restart budget
constexpr Seconds kWindow{60};
constexpr Seconds kSettle{8};

constexpr double kDetectedMsMax = 200;
constexpr double kCallSecondsMax = 5.5;  // kEngineCallMax, and a turn of a busy loop
constexpr double kResidentMbMax = 30;
constexpr double kPercentMax = 0.2;

Result<Cells> measure_rest(const app::Stage& stage) {
  std::this_thread::sleep_for(kSettle);
  say(fmt::format("at rest beside the container, {}", humane_duration(kWindow)));
  const auto started = SteadyClock::now();
  TRY(before, cpu_of(stage.guard_pid()));
  std::this_thread::sleep_for(kWindow);
  TRY(after, cpu_of(stage.guard_pid()));
  const auto percent = percent_of_core(after - before, SteadyClock::now() - started);
  TRY(resident, resident_mb(stage.guard_pid()));
  return Cells{{"container: guard resident at rest", "MB", resident, kResidentMbMax},
               {"container: guard cpu at rest", "% of a core", percent, kPercentMax}};
}

Result<Cells> measure_deaths(app::Stage& stage) {
  say(fmt::format("killing the container's server {} times", kKills));
  const auto& kill = *std::ranges::find(app::demo_faults(), "server_killed", &app::Fault::name);
  app::Writer writer(stage.conninfo("shop"));
  std::vector<double> detected;
  std::vector<double> back;
  for (int i = 0; i < kKills; ++i) {
    TRY(report, app::play(stage, writer, kill));
    if (!report.holds()) return fail(ErrorCode::Failed, "acknowledged rows were lost");
    say(fmt::format("  detected {} ms, back {} ms", report.detected_ms, report.recovered_ms));
    detected.push_back(static_cast<double>(report.detected_ms));
    back.push_back(static_cast<double>(report.recovered_ms));
  }
  return Cells{{"container: death detected, slowest", "ms", *std::ranges::max_element(detected),
                kDetectedMsMax},
               {"container: back, median", "ms", median(back), {}}};
}

// An engine that takes the connection and never answers.
Result<Cells> measure_hanging_engine() {
  say("asking an engine that never answers");
  const test::TempDir dir;
  const auto socket = dir.path() / "s";
  const runtime::Fd silent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.native().copy(address.sun_path, sizeof address.sun_path - 1);
  if (::bind(silent.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(silent.get(), 1) != 0)
    return fail_errno(errno, "listen on " + socket.string());
  runtime::Loop loop;
  const instance::Engine engine(loop, socket);
  const auto started = SteadyClock::now();
  const auto answer = loop.run_until_complete(engine.inspect("pg"));
  if (answer) return fail(ErrorCode::Failed, "a silent engine has answered");
  const std::chrono::duration<double> took = SteadyClock::now() - started;
  return Cells{{"container: call to an engine that hangs", "s", took.count(), kCallSecondsMax}};
}

}  // namespace

Result<Cells> measure_container() {
  if (!chaos::ContainerEngine::possible()) {
    say("SKIPPED the container: it needs root, podman, crun and a clone as working directory");
    return Cells{};
  }
  say("building a container engine and its image");
  chaos::ContainerEngine engine;
  if (!testing::Test::HasFailure()) engine.run({});
  if (testing::Test::HasFailure()) {
    say("SKIPPED the container: no engine can be started here, as told above");
    return Cells{};
  }
  TRY(cells, measure_hanging_engine());
  TRY(stage, app::Stage::build(
                 {.program = PGKEEL_PROGRAM, .environment = engine.environment(), .config = {}}));
  TRY(rest, measure_rest(*stage));
  TRY(deaths, measure_deaths(*stage));
  cells.insert(cells.end(), rest.begin(), rest.end());
  cells.insert(cells.end(), deaths.begin(), deaths.end());
  return std::move(cells);
}

}  // namespace pgkeel::bench
