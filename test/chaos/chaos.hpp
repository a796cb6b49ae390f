// What the chaos tests share: the demo's stage (a real guard process over a real PostgreSQL), its
// writer, and the proof every test ends with: the writer writes again, every acknowledged row is
// there exactly once, no incident is left unfinished and no action pending.
// Incidents are read from the journal's file and not asked of the guard, which may be dead.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/demo/faults.hpp"
#include "app/demo/play.hpp"
#include "app/demo/stage.hpp"
#include "app/demo/writer.hpp"
#include "incident/model.hpp"
#include "support/wait.hpp"

namespace pgkeel::chaos {

/// Reached only when a test has failed anyway.
inline constexpr Seconds kPatience{60};
/// How long a server that must stay down is watched.
inline constexpr Seconds kStaysDown{2};
inline constexpr std::string_view kBinDir = "/usr/lib/postgresql/15/bin";

struct Scene {
  std::unique_ptr<app::Stage> stage;
  std::unique_ptr<app::Writer> writer;  ///< before the stage in destruction
};

/// A stage whose guard is up, without a writer. An empty stage with a failure recorded otherwise.
/// `config` is more of pgkeel.toml.
[[nodiscard]] Scene build_scene(app::GuardEnvironment environment = {}, std::string config = {},
                                std::filesystem::path program = PGKEEL_BINARY);
void add_writer(Scene& scene);

[[nodiscard]] const app::Fault& fault_named(std::string_view name);
[[nodiscard]] pid_t postmaster_pid(app::Stage& stage);  ///< 0: none runs
void kill_server(app::Stage& stage, int signal = SIGKILL);

/// The newest incidents, whole.
[[nodiscard]] std::vector<incident::Incident> incidents(const app::Stage& stage);
/// The newest incident of `cause` opened since the stage was last broken.
[[nodiscard]] std::optional<incident::Incident> incident_of(const app::Stage& stage,
                                                            std::string_view cause);
[[nodiscard]] bool healed(const incident::Incident& incident);
/// Every incident is under watch or closed and no action is pending.
[[nodiscard]] bool settled(const app::Stage& stage);

/// Waits until an incident of `cause` is healed and everything is settled.
[[nodiscard]] testing::AssertionResult await_healed(app::Stage& stage, std::string_view cause);
/// Waits until an incident of `cause` satisfies `good`.
[[nodiscard]] testing::AssertionResult await_incident(
    app::Stage& stage, std::string_view cause,
    const std::function<bool(const incident::Incident&)>& good);
/// The same, whatever it is called.
[[nodiscard]] testing::AssertionResult await_any_incident(
    app::Stage& stage, const std::function<bool(const incident::Incident&)>& good);
/// The writer writes again and nothing acknowledged is lost or there twice.
[[nodiscard]] testing::AssertionResult service_restored(Scene& scene);
/// No server runs for kStaysDown while the guard lives.
[[nodiscard]] testing::AssertionResult stays_down(app::Stage& stage);

/// Runs a program to its end as the server's account.
void run_as_server(const app::Stage& stage, const std::vector<std::string>& argv);

}  // namespace pgkeel::chaos
