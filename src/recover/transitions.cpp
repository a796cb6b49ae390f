// See transitions.hpp.
#include "recover/transitions.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace pgkeel::recover {
namespace {

using enum incident::IncidentState;
using enum Happening;

constexpr std::string_view kBackoff =
    "back-off of up to 60 s; the restart budget; a human after five failures, then every 10 min";
constexpr std::string_view kRetry = "every 30 s at most; 'pgkeel resume' asks at once";
constexpr std::string_view kTries = "growing pauses; a human after six tries";
constexpr std::string_view kSaidOnce = "said once for each reason";
constexpr std::string_view kOneGuard = "once for each guard process";

constexpr auto kTransitions = std::to_array<Transition>({
    {Open, PlaybookBegan, ""},
    {Open, HumanNeeded, ""},
    {Open, ChecksFailed, ""},
    {Open, ChecksPassed, ""},
    {Open, Over, ""},
    {Open, GuardStarted, kOneGuard},
    {Recovering, PlaybookBegan, kBackoff},
    {Recovering, HumanNeeded, ""},
    {Recovering, ChecksFailed, ""},
    {Recovering, ChecksPassed, ""},
    {Recovering, Over, ""},
    {Recovering, GuardStarted, kOneGuard},
    {Verifying, PlaybookBegan, kBackoff},
    {Verifying, HumanNeeded, ""},
    {Verifying, ChecksFailed, kTries},
    {Verifying, ChecksPassed, ""},
    {Verifying, Over, ""},
    {Verifying, GuardStarted, kOneGuard},
    {Waiting, PlaybookBegan, kRetry},
    {Waiting, HumanNeeded, kSaidOnce},
    {Waiting, ChecksFailed, kTries},
    {Waiting, ChecksPassed, ""},
    {Waiting, Over, ""},
    {Waiting, GuardStarted, kOneGuard},
    {Watching, StableThroughWatch, ""},
    {Watching, FaultAgain, ""},
    {Watching, Over, ""},
});

struct Words {
  Happening happening;
  std::string_view words;
  incident::IncidentState leads_to;
};
constexpr auto kHappenings = std::to_array<Words>({
    {PlaybookBegan, "a playbook begins", Recovering},
    {HumanNeeded, "a human is needed", Waiting},
    {ChecksFailed, "a check fails", Verifying},
    {ChecksPassed, "all checks pass", Watching},
    {StableThroughWatch, "stable through the watch", Closed},
    {FaultAgain, "the fault is back: a new incident", Closed},
    {Over, "it was meant, or ended by itself", Closed},
    {GuardStarted, "a new guard takes over", Open},
});

const Words& row(Happening happening) {
  return *std::ranges::find(kHappenings, happening, &Words::happening);
}

std::string arrow(const Transition& transition) {
  return fmt::format("    {} --> {}: {}\n", to_string(transition.from),
                     to_string(state_after(transition.happening)), to_string(transition.happening));
}

}  // namespace

std::string_view to_string(Happening happening) { return row(happening).words; }
incident::IncidentState state_after(Happening happening) { return row(happening).leads_to; }

std::span<const Transition> transitions() { return kTransitions; }

bool allowed(incident::IncidentState from, Happening happening) {
  return std::ranges::any_of(kTransitions, [&](const Transition& transition) {
    return transition.from == from && transition.happening == happening;
  });
}

std::string incident_states_markdown() {
  std::string text =
      "# The states of an incident\n\n"
      "Made from the table in src/recover/transitions.cpp; the unit tests compare the two, and\n"
      "prove that every state can be reached, that each leads to `closed`, and that nothing goes\n"
      "round without one of the limits below.\n\n"
      "```mermaid\nstateDiagram-v2\n    [*] --> open: a cause is named\n";
  for (const auto& transition : kTransitions)
    if (transition.limit.empty()) text += arrow(transition);
  text +=
      "    closed --> [*]\n```\n\n## Ways back, and what limits them\n\n| from | when | to | limit "
      "|\n|---|---|---|---|\n";
  for (const auto& transition : kTransitions)
    if (!transition.limit.empty())
      text += fmt::format("| {} | {} | {} | {} |\n", to_string(transition.from),
                          to_string(transition.happening),
                          to_string(state_after(transition.happening)), transition.limit);
  return text;
}

}  // namespace pgkeel::recover
