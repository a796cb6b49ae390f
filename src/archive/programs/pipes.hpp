// What a program's container and those who start programs in it agree upon: the names in the
// directory both see. For image_programs.cpp and relay.cpp only.
#pragma once

#include <sys/stat.h>

#include <filesystem>

#include "base/result.hpp"

namespace pgkeel::archive {

inline constexpr const char* kOrdersPipe = "orders";  ///< names of runs to begin, a line each
inline constexpr const char* kBegunFile = "begun";    ///< the container reads orders
inline constexpr const char* kServeScript = "serve.sh";
inline constexpr const char* kRunScript = "run.sh";

// Of one run, in a directory of its own.
inline constexpr const char* kWordsFile = "words";  ///< what is run, as a shell reads it
inline constexpr const char* kHeldPipe = "held";    ///< a password; open as long as it is wanted
inline constexpr const char* kInPipe = "in";
inline constexpr const char* kOutPipe = "out";
inline constexpr const char* kErrPipe = "err";
/// "begun", then its exit code; closed without one, the container has ended under it.
inline constexpr const char* kDonePipe = "done";

/// A named pipe of the account that owns the directory it is in.
[[nodiscard]] Result<void> make_pipe_in(const std::filesystem::path& directory, const char* name,
                                        const struct stat& owner);

}  // namespace pgkeel::archive
