// A data directory in which no server may start again: its global/pg_control is called
// pg_control.fenced, without which every PostgreSQL refuses, whoever starts it; and
// FENCED_BY_PGKEEL.txt says who did that, when, why, and how it is taken back by hand.
// It guarantees: only renames, each on disk before the next; either half may be repeated after it
// was interrupted; what fences is read from the directory alone, so that it holds for a guard that
// knows nothing of it.
// It refuses to fence where a process of a server lives, and to unfence over a control file that
// stands there again.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "pg/control_file.hpp"

namespace pgkeel::instance {

inline constexpr std::string_view kFenceNoteName = "FENCED_BY_PGKEEL.txt";

struct FenceNote {
  WallTime at;
  std::string by;   ///< "incident 2026-11-21-003"
  std::string why;  ///< a clause, one line
};

struct Fence {
  std::optional<FenceNote> note;           ///< none: somebody removed it
  std::optional<pg::ControlFile> control;  ///< what is renamed; none: it is damaged
};

/// Nothing when the directory is not fenced; a note without a renamed control file is no fence.
[[nodiscard]] std::optional<Fence> read_fence(const std::filesystem::path& data_dir);
/// A note without a fence, which an interrupted unfence leaves.
[[nodiscard]] bool has_stale_note(const std::filesystem::path& data_dir);
/// "fenced by pgkeel at 2026-11-21T03:04:05Z because ...; 'pgkeel unfence --yes' gives it back".
[[nodiscard]] std::string describe(const Fence& fence);

/// Done as well when it is fenced already. WrongState while a process of a server is in it, and
/// when one began meanwhile, which then fails by itself; Refused when it cannot be told.
Result<void> fence_data(const std::filesystem::path& data_dir, const FenceNote& note);

/// Refused as unfence_data() would be; changes nothing.
[[nodiscard]] Result<void> may_unfence(const std::filesystem::path& data_dir);
/// Done as well when it is not fenced. Refused when a control file stands there beside the fenced
/// one: which of them is right only a human can say.
Result<void> unfence_data(const std::filesystem::path& data_dir);

}  // namespace pgkeel::instance
