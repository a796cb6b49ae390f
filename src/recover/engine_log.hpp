// The log an engine keeps of a container: one file that grows for as long as nobody told the engine
// to rotate it (log-opts max-size), on the disk the volumes are on as well.
// It guarantees: what is emptied is a plain file that bears the container's id in its path, its end
// is kept first, and it stays the same file: the engine goes on writing into it. Blocking.
// It refuses a link, a file that is no container's log by its path, and one whose end cannot be
// kept.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace pgkeel::recover {

struct EngineLog {
  std::filesystem::path file;  ///< as the engine says it; empty: it keeps none in a file
  std::string container;       ///< the whole id
};

/// So much of its end is kept: what the server said last is evidence.
inline constexpr std::uint64_t kEngineLogKept = 256U << 10U;

/// Bytes on the disk; 0 when it is no file that could be emptied, or is not within reach.
[[nodiscard]] std::uint64_t engine_log_bytes(const EngineLog& log);

/// Keeps its end in `kept` and empties it; gives what was freed. Refused, and what errno says.
[[nodiscard]] Result<std::uint64_t> empty_engine_log(const EngineLog& log,
                                                     const std::filesystem::path& kept);

}  // namespace pgkeel::recover
