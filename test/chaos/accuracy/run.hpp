// A run: the trials that were asked for, one after the other, and what came of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chaos/accuracy/trial.hpp"

namespace pgkeel::chaos {

struct RunOptions {
  std::vector<const Injector*> singles;
  std::vector<std::vector<const Injector*>> pairs;
  std::uint64_t seed = 1;  ///< that the pairs were drawn with
  Patience patience;
  bool changes = false;  ///< of each single fault: whether advice changes anything
};

struct RunResult {
  std::uint64_t seed = 1;
  std::vector<Trial> singles;
  std::vector<Trial> pairs;

  [[nodiscard]] static int right(const std::vector<Trial>& trials);
  /// All but those that cannot be done on this machine.
  [[nodiscard]] static int counted(const std::vector<Trial>& trials);
  /// Singles that were right but took longer than a second after their evidence.
  [[nodiscard]] int late() const;
  /// Singles before which something else was named, if only for a moment.
  [[nodiscard]] int preceded() const;
  /// Singles whose guard changed something, though it only advises.
  [[nodiscard]] int changed() const;
  [[nodiscard]] bool all_right() const;
  /// Every single fault that can be injected here is right and in time, nothing was changed by
  /// advice, and of the pairs all but a fifteenth are right (28 of 30).
  [[nodiscard]] bool holds() const;
};

inline constexpr Millis kNamedWithin{1'000};

/// Says on stderr how each trial went.
[[nodiscard]] RunResult run_trials(const RunOptions& options);

/// The contract's shape a fault, and the pairs.
[[nodiscard]] std::string to_json(const RunResult& result);
/// docs/reference/faults.md.
[[nodiscard]] std::string to_page(const RunResult& result);

}  // namespace pgkeel::chaos
