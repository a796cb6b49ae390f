// Where a stream begins, so that nothing is received twice or left out: right after what the
// archive has, on the timeline it has, as long as the server's history runs through that point.
// Pure; what is known is gathered by receive.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "pg/wal_name.hpp"

namespace pgkeel::archive {

/// A position of a stream, always the start of a segment.
struct StreamStart {
  TimelineId timeline;
  Lsn lsn;
  friend auto operator<=>(const StreamStart&, const StreamStart&) = default;
};

/// The server as it says it is (IDENTIFY_SYSTEM, SHOW, TIMELINE_HISTORY, the slot).
struct ServerHistory {
  TimelineId timeline;
  Lsn flushed;
  std::uint64_t segment_bytes = pg::kDefaultWalSegmentBytes;
  std::vector<pg::TimelineSwitch> history;  ///< of `timeline`, oldest first
  std::optional<Lsn> slot_restart;          ///< what the slot still holds; none: it does not say
};

/// The slot's position on the server's timeline, else where the server is: for an empty archive
/// and behind a gap.
[[nodiscard]] StreamStart earliest_start(const ServerHistory& server);

/// `archived` is where the archive goes on (the first position it does not have whole); none: it
/// has nothing. A server on a younger timeline that left before there goes on where that began.
/// WrongIdentity when it is on an older one that does not lead there, or on the same one and
/// behind: then it is a clone or an old copy, and none of its WAL is taken.
[[nodiscard]] Result<StreamStart> decide_start(const ServerHistory& server,
                                               const std::optional<StreamStart>& archived);

/// The position's segment start.
[[nodiscard]] Lsn segment_start(Lsn lsn, std::uint64_t segment_bytes);

}  // namespace pgkeel::archive
