// What the two forms of `pgkeel restore` share: what was asked for, and how far it is, in words.
#pragma once

#include <string>

#include "app/archive/tools.hpp"

namespace pgkeel::app {

/// With the target and the backup of the command line; where to is the caller's.
[[nodiscard]] Result<archive::RestoreRequest> asked_restore(const Invocation& invocation,
                                                            ArchiveTools& tools,
                                                            const StopOnSignal& stop);

/// Where the data directory is, without symbolic links, for what replaces it. WrongState for an
/// instance whose files are not ours to move, ConfigBadValue when it is not known.
[[nodiscard]] Result<std::filesystem::path> place_of_data(const Config& config);

/// "restoring 1.2 GB of 4.0 GB (30 %), 310 MB/s, 9 s left".
[[nodiscard]] std::string phase_text(const archive::RestoreProgress& progress, Millis took);

/// STATE_DIR/...: a promotion (pgkeel promote) is under way, and its in-place job is not a
/// restore's.
inline constexpr const char* kPromotionMark = "promoting";

/// `pgkeel restore --in-place`.
Result<int> run_restore_in_place(const Invocation& invocation);

}  // namespace pgkeel::app
