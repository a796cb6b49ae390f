// What the holder of a FileLock says of itself in the file: "pgkeel receive (pid 4711)".
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

namespace pgkeel::runtime {

/// The pid in the note, which may have ended since; nothing: there is none.
[[nodiscard]] std::optional<pid_t> noted_pid(const std::filesystem::path& lock);

}  // namespace pgkeel::runtime
