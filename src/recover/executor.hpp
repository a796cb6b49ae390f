// Runs a playbook: for every step the intent is journaled, its preconditions are asked, the step
// runs, the outcome is journaled.
// Between any two of these lines the process may die (each is a fault point for tests); the next
// guard looks at the world again and decides anew.
// It refuses to go past a failed step and stops between steps when the guard is paused.
#pragma once

#include <string>

#include "recover/decide.hpp"
#include "recover/playbook.hpp"

namespace pgkeel::recover {

enum class RunOutcome { Done, Failed, NeedsHuman, Paused };

struct RunReport {
  RunOutcome outcome = RunOutcome::Done;
  std::string place;  ///< where it stopped: "restore_data, step 3 of 5 (bring_data_back)"
  std::string why;
  Seconds retry_after{0};  ///< with NeedsHuman, where a step said so
};

runtime::Task<RunReport> run_playbook(Services* services, const Playbook* playbook,
                                      diagnose::Finding finding, std::string incident,
                                      const GuardState* state);

/// Journals what each step would do, without doing it (mode = advise).
Result<void> advise_playbook(Services& services, const Playbook& playbook,
                             const diagnose::Finding& finding, const std::string& incident);

/// The name of a fault point: "restart_server/start_server/acted". Places: intended, acted,
/// journaled.
[[nodiscard]] std::string fault_point_name(std::string_view playbook, std::string_view step,
                                           std::string_view place);

}  // namespace pgkeel::recover
