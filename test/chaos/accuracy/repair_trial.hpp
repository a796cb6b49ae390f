// One trial of the repair: a fresh server under a guard that acts and keeps an archive, one fault
// or two, what became of each, what a person had to do, and what was lost or damaged when all was
// over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "chaos/accuracy/injector.hpp"
#include "chaos/accuracy/repairs.hpp"

namespace pgkeel::chaos {

enum class Became {
  Nothing,      ///< it was never named
  Repaired,     ///< by the guard alone
  LeftToHuman,  ///< named, and the guard waited for somebody
};
[[nodiscard]] std::string_view to_string(Became became);

/// One fault of a trial and what became of it.
struct Mended {
  const Injector* injector = nullptr;
  const Repair* repair = nullptr;
  Became became = Became::Nothing;
  std::optional<Millis> settled =
      std::nullopt;            ///< from its evidence until the guard had repaired it or waited
  std::string playbooks = {};  ///< that the guard ran for it, one after the other
  std::string waits_for = {};  ///< what it told the person
  bool by_hand = false;        ///< a person did what Repair::by_hand says
};

struct RepairTrial {
  std::vector<Mended> faults;
  std::string not_run;   ///< why; empty: it ran
  bool excused = false;  ///< it cannot be done on this machine
  int client_errors = 0;
  Millis longest_stall{0};
  std::int64_t acknowledged = 0;
  std::int64_t lost = 0;
  std::int64_t duplicated = 0;
  std::vector<std::string> damage;      ///< of what was there before
  std::vector<std::string> unfinished;  ///< incidents that were not over in the end

  [[nodiscard]] bool ran() const { return not_run.empty(); }
  /// Service is back, every acknowledged row is there once, and all that was there before.
  [[nodiscard]] bool whole() const {
    return lost == 0 && duplicated == 0 && damage.empty() && unfinished.empty();
  }
  /// Whole, and each fault ended as it is to; of a pair it is enough that each was repaired or
  /// left.
  [[nodiscard]] bool right() const;
};

[[nodiscard]] RepairTrial try_repair(const ModelCluster& model,
                                     const std::vector<const Injector*>& faults);

}  // namespace pgkeel::chaos
