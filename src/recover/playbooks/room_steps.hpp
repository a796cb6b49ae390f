// Steps of make_room that free what is certainly of no use: copies that retention does not ask for,
// and what one statement has put into temporary files beyond what the operator allows.
#pragma once

#include "recover/engine_log.hpp"
#include "recover/playbook.hpp"

namespace pgkeel::recover {

/// So little is free on a disk the server writes to that it cannot go on; looked at once more, at
/// the disk itself.
extern const Precondition kADiskIsFull;

/// A note: where the ballast was given up in this very run, a directory a line; there is a little
/// room again.
inline constexpr std::string_view kBallastReleased = "ballast_released";

extern const Step kExpireCopies;
extern const Step kEndTempFiles;
extern const Step kEmptyEngineLog;

/// Whose temporary files take most of a full disk, and how to end it, for people; empty: they do
/// not matter. Asks the server, where it answers.
runtime::Task<std::string> temp_files_words(StepContext* context);
/// The log of the server's container, as last seen.
[[nodiscard]] EngineLog engine_log_of(const StepContext& context);
/// That it takes much of a full disk, for people; empty: it does not. Blocking.
[[nodiscard]] std::string engine_log_words(const EngineLog& log,
                                           const std::filesystem::path& data_dir);

}  // namespace pgkeel::recover
