// The life of an incident as one table: from which state what leads where, and for every way back,
// what keeps it from being gone forever. The conductor takes each step through it;
// docs/reference/incident-states.md is drawn from it; a test proves that every state is reachable,
// that Closed can be reached from each, and that nothing goes round without a limit. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "incident/model.hpp"

namespace pgkeel::recover {

/// What can happen to an incident; each leads to one state, wherever it is allowed.
enum class Happening {
  PlaybookBegan,
  HumanNeeded,   ///< only a person can go on, or advice was shown, or it is paused or abandoned
  ChecksFailed,  ///< the fault is gone, a check did not pass yet
  ChecksPassed,
  StableThroughWatch,
  FaultAgain,    ///< during the watch: another incident takes over
  Over,          ///< it was meant, or what it waited for came by itself
  GuardStarted,  ///< a new guard takes it over
};
[[nodiscard]] std::string_view to_string(Happening happening);
[[nodiscard]] incident::IncidentState state_after(Happening happening);

struct Transition {
  incident::IncidentState from;
  Happening happening;
  /// Of a way back or round: what limits it. Empty: it leads on.
  std::string_view limit;
};

[[nodiscard]] std::span<const Transition> transitions();
/// False is a bug in the caller: the table does not know this way.
[[nodiscard]] bool allowed(incident::IncidentState from, Happening happening);

/// docs/reference/incident-states.md, with the diagram.
[[nodiscard]] std::string incident_states_markdown();

}  // namespace pgkeel::recover
