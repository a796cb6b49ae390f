// See chaos.hpp.
#include "chaos/chaos.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "incident/journal.hpp"
#include "incident/store.hpp"
#include "runtime/files.hpp"
#include "support/child.hpp"

namespace pgkeel::chaos {
namespace {

using incident::ActionOutcome;
using incident::Incident;
using incident::IncidentState;

constexpr std::size_t kIncidentsRead = 6;
constexpr std::size_t kLogTailBytes = 4000;

testing::AssertionResult failure(app::Stage& stage, std::string_view what) {
  stage.keep();
  auto result = testing::AssertionFailure() << what << "; kept in " << stage.directory();
  for (const auto& incident : incidents(stage)) {
    result << "\n" << incident.id << " " << incident.cause << " " << to_string(incident.state);
    for (const auto& action : incident.actions)
      result << "\n  " << action.playbook << "/" << action.step << " " << to_string(action.outcome)
             << " " << action.note;
    for (const auto& event : incident.events) result << "\n  " << event.text;
  }
  const auto log = runtime::read_file_tail(stage.directory() / "guard.log", kLogTailBytes);
  return result << "\nguard.log: " << log.value_or("none");
}

bool pending(const incident::Action& action) { return action.outcome == ActionOutcome::Pending; }

}  // namespace

Scene build_scene(app::GuardEnvironment environment, std::string config,
                  std::filesystem::path program) {
  app::StageOptions options;
  options.program = std::move(program);
  options.environment = std::move(environment);
  options.config = std::move(config);
  auto stage = app::Stage::build(std::move(options));
  if (stage) return {std::move(*stage), nullptr};
  ADD_FAILURE() << stage.error().message();
  return {};
}

void add_writer(Scene& scene) {
  scene.writer = std::make_unique<app::Writer>(scene.stage->conninfo("shop"));
}

const app::Fault& fault_named(std::string_view name) {
  const auto faults = app::demo_faults();
  return *std::ranges::find(faults, name, &app::Fault::name);
}

pid_t postmaster_pid(app::Stage& stage) {
  const auto postmaster = stage.instance().find_postmaster();
  return postmaster ? postmaster->pid : 0;
}

void kill_server(app::Stage& stage, int signal) {
  const auto pid = postmaster_pid(stage);
  ASSERT_NE(pid, 0);
  stage.note_broken();
  ASSERT_EQ(::kill(pid, signal), 0);
}

std::vector<Incident> incidents(const app::Stage& stage) {
  std::vector<Incident> found;
  const auto store = incident::Store::open_read_only(stage.config().state_dir);
  if (!store) return found;
  const incident::Journal journal(**store);
  const auto heads = journal.list(kIncidentsRead);
  if (!heads) return found;
  for (const auto& head : *heads)
    if (auto whole = journal.load(head.id)) found.push_back(std::move(*whole));
  return found;
}

std::optional<Incident> incident_of(const app::Stage& stage, std::string_view cause) {
  const auto since = std::chrono::floor<Millis>(stage.broken_at());
  for (auto& incident : incidents(stage))
    if (incident.cause == cause && incident.opened_at >= since) return std::move(incident);
  return std::nullopt;
}

bool healed(const Incident& incident) {
  return incident.state == IncidentState::Watching || incident.state == IncidentState::Closed;
}

bool settled(const app::Stage& stage) {
  return std::ranges::all_of(incidents(stage), [](const Incident& incident) {
    return healed(incident) && std::ranges::none_of(incident.actions, pending);
  });
}

testing::AssertionResult await_incident(app::Stage& stage, std::string_view cause,
                                        const std::function<bool(const Incident&)>& good) {
  const auto met = [&] {
    const auto incident = incident_of(stage, cause);
    return incident && good(*incident);
  };
  if (test::wait_until(met, kPatience)) return testing::AssertionSuccess();
  return failure(stage, fmt::format("no incident {} as awaited", cause));
}

testing::AssertionResult await_any_incident(app::Stage& stage,
                                            const std::function<bool(const Incident&)>& good) {
  const auto met = [&] { return std::ranges::any_of(incidents(stage), good); };
  if (test::wait_until(met, kPatience)) return testing::AssertionSuccess();
  return failure(stage, "no incident as awaited");
}

testing::AssertionResult await_healed(app::Stage& stage, std::string_view cause) {
  return await_incident(stage, cause,
                        [&](const Incident& found) { return healed(found) && settled(stage); });
}

testing::AssertionResult service_restored(Scene& scene) {
  auto& stage = *scene.stage;
  const auto before = SteadyClock::now();
  const auto wrote = [&] { return scene.writer->last_acknowledged() > before; };
  if (!test::wait_until(wrote, kPatience)) return failure(stage, "the writer cannot write");
  const auto count = app::count_ledger(stage, *scene.writer);
  if (!count) return failure(stage, count.error().message());
  if (count->acknowledged == 0 || count->lost != 0 || count->duplicated != 0)
    return failure(stage, fmt::format("{} acknowledged, {} lost, {} written twice",
                                      count->acknowledged, count->lost, count->duplicated));
  return testing::AssertionSuccess();
}

testing::AssertionResult stays_down(app::Stage& stage) {
  if (test::wait_until([&] { return postmaster_pid(stage) != 0; }, kStaysDown))
    return failure(stage, "the server was started");
  if (!stage.guard_alive()) return failure(stage, "the guard ended");
  return testing::AssertionSuccess();
}

void run_as_server(const app::Stage& stage, const std::vector<std::string>& argv) {
  const auto output = stage.directory() / "operator.log";
  const auto seen = runtime::write_file_atomic(output, "", {0666, std::nullopt});
  ASSERT_TRUE(seen.has_value());
  test::run_child(argv, output);
}

}  // namespace pgkeel::chaos
