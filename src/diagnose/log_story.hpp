// What the server's log tells, as a few stories instead of a thousand lines: events of one meaning
// together, with how often and when, and what they brought along folded under them. Pure.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "diagnose/log_meaning.hpp"
#include "sense/log_event.hpp"

namespace pgkeel::diagnose {

struct LogStory {
  pg::Signature signature;
  int times = 0;
  std::optional<WallTime> first;
  std::optional<WallTime> last;
  std::string text;                            ///< of the first one
  std::map<pg::Signature, int> brought_along;  ///< its consequences, and how often each
};

/// How long after its cause a consequence may be told, and how much before it: processes write on
/// their own.
inline constexpr Seconds kConsequenceWithin{120};
inline constexpr Seconds kConsequenceBefore{2};

/// Of events in the log's order; the gravest first, of equals the latest. Events without a meaning
/// of their own (log_meaning.hpp) are left out.
[[nodiscard]] std::vector<LogStory> tell(std::span<const sense::LogEvent> events);

}  // namespace pgkeel::diagnose
