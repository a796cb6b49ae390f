// What a look at health means: sentences with their grade and what to do. Nothing here is a cause
// of an incident; it is what will be one, or what makes an application slow. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "incident/model.hpp"
#include "sense/health_facts.hpp"
#include "sense/observation.hpp"

namespace pgkeel::diagnose {

struct HealthLine {
  std::string_view topic;  ///< stable: "locks", "vacuum", "indexes"
  incident::Severity severity = incident::Severity::Info;
  std::string text;
  std::string advice;  ///< what to do; empty: nothing
};

/// How large the databases were together.
struct SizeSample {
  WallTime at;
  std::int64_t bytes = 0;
};

/// What is judged: the look at health, what the senses saw besides, and what was before.
struct HealthCase {
  const sense::HealthFacts& health;
  const sense::Observation& seen;
  const std::vector<SizeSample>& sizes;  ///< in any order
  WallTime now;
};

/// A session within a chain; the first of a chain, depth 0, is waited for and waits for nobody.
struct ChainLink {
  pid_t pid = 0;
  int depth = 0;
  const sense::HealthSession* session = nullptr;  ///< null: not seen (pid 0: prepared transaction)
};
using BlockingChain = std::vector<ChainLink>;

/// Who waits for whom, the root first, every waiting session once. A circle begins at its smallest
/// pid: the server is about to break it.
[[nodiscard]] std::vector<BlockingChain> blocking_chains(
    const std::vector<sense::HealthSession>& sessions);

/// Bytes a day between the oldest and the newest sample; none below kGrowthSpan.
[[nodiscard]] std::optional<double> growth_per_day(const std::vector<SizeSample>& sizes);
inline constexpr Seconds kGrowthSpan{3 * 3600};

/// The gravest first, then in the order of the topics.
[[nodiscard]] std::vector<HealthLine> judge_health(const HealthCase& the_case);
[[nodiscard]] std::vector<HealthLine> gravest_first(std::vector<HealthLine> lines);

}  // namespace pgkeel::diagnose
