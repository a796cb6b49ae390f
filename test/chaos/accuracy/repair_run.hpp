// A run of repairs: the trials that were asked for, one after the other, and what came of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chaos/accuracy/repair_trial.hpp"
#include "chaos/accuracy/run.hpp"

namespace pgkeel::chaos {

struct RepairResult {
  std::uint64_t seed = 1;
  std::vector<RepairTrial> singles;
  std::vector<RepairTrial> pairs;

  [[nodiscard]] static int right(const std::vector<RepairTrial>& trials);
  /// All but those that cannot be done on this machine.
  [[nodiscard]] static int counted(const std::vector<RepairTrial>& trials);
  /// Every trial was right.
  [[nodiscard]] bool holds() const;
};

/// Says on stderr how each trial went.
[[nodiscard]] RepairResult run_repairs(const RunOptions& options);

/// The contract's shape a fault, and the pairs.
[[nodiscard]] std::string to_json(const RepairResult& result);
/// The second half of docs/reference/faults.md.
[[nodiscard]] std::string to_page(const RepairResult& result);

}  // namespace pgkeel::chaos
