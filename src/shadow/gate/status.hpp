// STATE_DIR/gate.json: how far the shadow was let go, what it is kept from and for how long, and
// what of that ended how. Written by the shadow's process, whole or not at all, before it acts on a
// change; read by it again, by the guard and by undrop.
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "shadow/gate/destruction.hpp"
#include "shadow/gate/gate.hpp"

namespace pgkeel::shadow {

inline constexpr const char* kGateStatusFile = "gate.json";
/// A directory: see ReleaseWish.
inline constexpr const char* kReleasesDirectory = "gate-releases";

/// Why a destruction is not kept from the shadow (any more).
enum class HoldEnd {
  Kept,      ///< it still is
  Released,  ///< somebody asked: an undrop that had brought it back, or `undrop forget`
  Expired,   ///< its time was over
  Crowded,   ///< too much WAL was held back
  Locked,    ///< its lock had to be let through: it could not be read
  Passed,    ///< the shadow had gone by
};
[[nodiscard]] std::string_view to_string(HoldEnd end);  ///< "expired"

struct GateEntry {
  Lsn before;   ///< all that was lost is there up to here
  Lsn decided;  ///< names the entry: the start of the record that decided it
  HoldKind kind = HoldKind::Files;
  std::uint32_t xid = 0;
  WallTime at;       ///< of the commit
  WallTime noticed;  ///< by the gate
  WallTime until;    ///< it is kept that long
  HoldEnd end = HoldEnd::Kept;
  /// It was judged while the shadow stood before another one: more may be lost.
  bool provisional = false;
  bool exact = false;  ///< nothing of it was written to behind `before`
  /// Not known until it was judged.
  std::optional<Destruction> destruction = {};

  [[nodiscard]] bool kept() const { return end == HoldEnd::Kept; }
};

struct GateStatus {
  SystemId system_id;
  WallTime written_at;
  TimelineId timeline;
  Lsn limit;                       ///< the shadow was given all up to here
  Lsn read;                        ///< and this far the gate has read
  std::set<Lsn> released;          ///< GateEntry::decided, as far as they may be met again
  std::vector<GateEntry> entries;  ///< the oldest first; those that ended stay for a while
};

[[nodiscard]] std::string to_json(const GateStatus& status);
/// Malformed.
[[nodiscard]] Result<GateStatus> parse_gate_status(std::string_view json);
/// NotFound when no gate ever ran.
[[nodiscard]] Result<GateStatus> read_gate_status(const std::filesystem::path& file);

/// What the shadow's process is asked for, by a file that outlives both; it heeds it within
/// moments, or of its next start.
struct ReleaseWish {
  Lsn decided;  ///< of the entry
  /// "public.orders": relations that are back, or the database itself; empty: release it.
  std::vector<std::string> back;
  std::filesystem::path file = {};
};
Result<void> ask_for_release(const std::filesystem::path& state_dir, const ReleaseWish& wish);
/// All there are; whatever else lies there is left alone.
[[nodiscard]] std::vector<ReleaseWish> release_wishes(const std::filesystem::path& directory);

}  // namespace pgkeel::shadow
