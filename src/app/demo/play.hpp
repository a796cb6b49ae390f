// Plays one fault: breaks, waits until the guard has named and healed it, and counts independently
// of the guard what was acknowledged, lost and written twice.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>

#include "app/demo/faults.hpp"
#include "app/demo/writer.hpp"
#include "incident/model.hpp"

namespace pgkeel::app {

/// One line of the demo's result, the contract's shape.
struct FaultReport {
  std::string fault;
  std::int64_t detected_ms = 0;
  std::int64_t recovered_ms = 0;
  int client_errors = 0;
  std::int64_t longest_stall_ms = 0;
  std::int64_t acknowledged = 0;
  std::int64_t lost = 0;
  std::int64_t duplicated = 0;
  std::string cause_named;
  std::string answer;            ///< what a person said to it; empty: nothing was needed
  bool recreated_empty = false;  ///< the loss was asked for by policy and reported as one
  incident::Incident incident;

  /// The right cause, and nothing lost that the policy did not give up.
  [[nodiscard]] bool holds() const {
    return cause_named == fault && (lost == 0 || recreated_empty) && duplicated == 0;
  }
};

Result<FaultReport> play(Stage& stage, Writer& writer, const Fault& fault);

/// What the database holds of the writer's rows against what was acknowledged.
struct LedgerCount {
  std::int64_t acknowledged = 0;
  std::int64_t lost = 0;
  std::int64_t duplicated = 0;
};
Result<LedgerCount> count_ledger(Stage& stage, const Writer& writer);
/// Waits for an acknowledgement later than `after`; Cancelled when told to stop.
Result<void> await_writer(const Writer& writer, SteadyTime after, const std::stop_token& stop);

[[nodiscard]] nlohmann::ordered_json to_json(const FaultReport& report);

}  // namespace pgkeel::app
