// The words of the model's enumerations, each listed once and used in both directions.
#include "incident/model.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "incident/words.hpp"

namespace pgkeel::incident {
namespace {

constexpr auto kSeverities = std::to_array<std::pair<Severity, std::string_view>>({
    {Severity::Info, "info"},
    {Severity::Warning, "warning"},
    {Severity::Critical, "critical"},
});

constexpr auto kStates = std::to_array<std::pair<IncidentState, std::string_view>>({
    {IncidentState::Open, "open"},
    {IncidentState::Recovering, "recovering"},
    {IncidentState::Waiting, "waiting"},
    {IncidentState::Verifying, "verifying"},
    {IncidentState::Watching, "watching"},
    {IncidentState::Closed, "closed"},
});

constexpr auto kOutcomes = std::to_array<std::pair<ActionOutcome, std::string_view>>({
    {ActionOutcome::Pending, "pending"},
    {ActionOutcome::Done, "done"},
    {ActionOutcome::Failed, "failed"},
    {ActionOutcome::Skipped, "skipped"},
    {ActionOutcome::Interrupted, "interrupted"},
    {ActionOutcome::Advised, "advised"},
});

template <class Table, class Value>
std::string_view word_of(const Table& table, Value value) {
  for (const auto& [listed, word] : table)
    if (listed == value) return word;
  return "unknown";
}

template <class Value, std::size_t Count>
Result<Value> value_of(const std::array<std::pair<Value, std::string_view>, Count>& table,
                       std::string_view word, std::string_view what) {
  for (const auto& [listed, its_word] : table)
    if (its_word == word) return listed;
  return fail(ErrorCode::Malformed, fmt::format("'{}' is not {}", word, what));
}

}  // namespace

std::string_view to_string(Severity severity) { return word_of(kSeverities, severity); }
std::string_view to_string(IncidentState state) { return word_of(kStates, state); }
std::string_view to_string(ActionOutcome outcome) { return word_of(kOutcomes, outcome); }

Result<Severity> parse_severity(std::string_view word) {
  return value_of(kSeverities, word, "a severity");
}
Result<IncidentState> parse_incident_state(std::string_view word) {
  return value_of(kStates, word, "a state of an incident");
}
Result<ActionOutcome> parse_action_outcome(std::string_view word) {
  return value_of(kOutcomes, word, "an outcome of an action");
}

}  // namespace pgkeel::incident
