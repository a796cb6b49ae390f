// How far the archive's WAL goes, found without the server it came from: what a standby can be
// given when that server is lost. Blocking.
#pragma once

#include <filesystem>
#include <optional>

#include "archive/restore/wal_source.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"

namespace pgkeel::shadow {

/// All WAL of a timeline, and of those it came from, up to `end`.
struct HeldWal {
  TimelineId timeline;
  Lsn end;  ///< the end of a record, or the start of a page
  std::uint64_t segment_bytes = 0;
  friend bool operator==(const HeldWal&, const HeldWal&) = default;
};

/// Where the records of a segment that is not full end: behind the last whole one. `start` when
/// there is none, and where it is damaged. Pure.
[[nodiscard]] Lsn end_of_records(ByteSpan segment, Lsn start, std::uint64_t segment_bytes);

struct HeldQuestion {
  std::filesystem::path incoming;  ///< the receiver's spool
  archive::Store* store = nullptr;
  archive::WalSource* source = nullptr;
  std::filesystem::path cache;  ///< a directory for a segment that is looked into
  std::uint64_t segment_bytes = 0;
};

/// Nothing when no WAL is held at all.
[[nodiscard]] Result<std::optional<HeldWal>> find_held_wal(const HeldQuestion& question);

}  // namespace pgkeel::shadow
