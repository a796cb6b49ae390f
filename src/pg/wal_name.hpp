// Names of WAL: segments "000000010000000000000001", their partial form, timeline histories.
// A segment is its timeline and its number; which bytes it holds depends on the segment size, which
// initdb chose (16 MiB unless told otherwise).
// https://www.postgresql.org/docs/current/wal-internals.html
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"

namespace pgkeel::pg {

inline constexpr std::uint64_t kDefaultWalSegmentBytes = 16U << 20U;

struct WalSegment {
  TimelineId timeline;
  std::uint64_t number = 0;
  friend auto operator<=>(const WalSegment&, const WalSegment&) = default;

  [[nodiscard]] WalSegment next() const { return {timeline, number + 1}; }
  [[nodiscard]] Lsn start(std::uint64_t segment_bytes) const { return Lsn(number * segment_bytes); }
  [[nodiscard]] Lsn end(std::uint64_t segment_bytes) const {
    return Lsn((number + 1) * segment_bytes);
  }
};

/// The segment that holds the byte at `lsn`.
[[nodiscard]] WalSegment segment_of(TimelineId timeline, Lsn lsn, std::uint64_t segment_bytes);
/// "000000010000000A000000FF".
[[nodiscard]] std::string segment_name(const WalSegment& segment, std::uint64_t segment_bytes);
/// nullopt when it is no segment's name (24 hex digits) or impossible at that segment size.
[[nodiscard]] std::optional<WalSegment> parse_segment_name(std::string_view name,
                                                           std::uint64_t segment_bytes);

/// "00000002.history".
[[nodiscard]] std::string history_name(TimelineId timeline);
[[nodiscard]] std::optional<TimelineId> parse_history_name(std::string_view name);

/// One line of a history file: `parent` was left at `switch_at`.
struct TimelineSwitch {
  TimelineId parent;
  Lsn switch_at;
  std::string reason;
};
/// A whole history file, oldest line first; Malformed with the line's number.
[[nodiscard]] Result<std::vector<TimelineSwitch>> parse_history(std::string_view text);

/// Whether a WAL segment size is one initdb makes: a power of two from 1 MiB to 1 GiB.
[[nodiscard]] bool valid_segment_bytes(std::uint64_t bytes);

}  // namespace pgkeel::pg
