// What the server said last: the significant lines at the end of its log, since it last was ready.
#pragma once

#include <filesystem>

#include "sense/observation.hpp"

namespace pgkeel::sense {

inline constexpr std::size_t kServerLogTailBytes = 64U << 10U;

/// Told by the file's extension: .csv, .json, else stderr.
[[nodiscard]] pg::ServerLogFormat format_of(const std::filesystem::path& path);

/// An unreadable log gives no entries. Lines before the last "ready to accept connections" are left
/// out.
[[nodiscard]] ServerLogFacts read_server_log(const std::filesystem::path& path, SteadyTime now);

/// The pure half, for tests and replays.
[[nodiscard]] ServerLogFacts server_log_facts(pg::ServerLogFormat format, std::string_view tail,
                                              SteadyTime now);

}  // namespace pgkeel::sense
