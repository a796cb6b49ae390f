// What a restore from the archive does not bring back: nothing where commits waited for the
// archive, else the WAL that had not reached it when the data was lost. It refuses to call anything
// exact that nobody saw: what was written after the last look at the server is told by its time.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/strong.hpp"
#include "base/time.hpp"
#include "sense/observation.hpp"

namespace pgkeel::recover {

struct LostTail {
  bool commits_waited = false;          ///< for the archive, when the data was lost
  std::optional<Lsn> newest;            ///< where the server's WAL was last seen
  std::optional<Millis> seen_before{};  ///< how long before the loss; none: not known
  Lsn restored;                         ///< up to where the archive brought it back
};

/// What `pgkeel restore --json` says of how far it came.
struct Reached {
  Lsn lsn;
  bool gap = false;  ///< WAL behind it is in the archive, and could not be reached
};
[[nodiscard]] std::optional<Reached> reached_by(std::string_view json);

/// What `seen` says of the tail of a server that was lost and restored as far as `reached`.
[[nodiscard]] LostTail tail_of(const sense::Observation& seen, const Reached& reached);

/// For people, after "Lost: "; empty when nothing acknowledged is missing.
[[nodiscard]] std::string words_of(const LostTail& tail);

}  // namespace pgkeel::recover
