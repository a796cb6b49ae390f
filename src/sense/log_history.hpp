// What the server's log told lately, read once and from its end: the events of known meaning, and
// who was seen to drop something where the server logs statements. For somebody who comes when it
// has happened; the guard follows the log as it grows (log_watch.hpp).
// It guarantees: bounded bytes and events whatever the log holds; rotated files are read as well.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "pg/ddl_line.hpp"
#include "sense/log_event.hpp"

namespace pgkeel::sense {

/// A statement that removes something, as log_statement repeats it.
struct Destruction {
  std::optional<WallTime> at;
  pid_t pid = 0;
  std::string user;
  std::string database;
  std::string application;
  std::string statement;  ///< its beginning
};

struct LogHistory {
  std::string source;              ///< "/var/log/postgresql/postgresql-15-main.log", "container pg"
  std::string unavailable;         ///< why nothing was read; empty: the rest holds
  std::optional<WallTime> begins;  ///< the oldest line that was read
  bool cut = false;                ///< older lines of the time asked for were left out
  std::vector<LogEvent> events;    ///< the oldest first
  std::vector<Destruction> destructions;
  std::vector<pg::DdlLine> ddl;  ///< of the record of DDL, where it is switched on
};

inline constexpr std::size_t kHistoryBytesMax = 32U << 20U;
inline constexpr std::size_t kHistoryEventsMax = 5'000;
inline constexpr std::size_t kDestructionsMax = 50;
inline constexpr std::size_t kDdlTold = 200;
inline constexpr std::size_t kStatementShown = 160;

/// Of the file and of what the collector or logrotate made of the same log, as far back as `since`
/// and kHistoryBytesMax allow.
[[nodiscard]] LogHistory read_log_history(const std::filesystem::path& newest, WallTime since);
/// Of a text that came from elsewhere (a container's log).
[[nodiscard]] LogHistory log_history(pg::ServerLogFormat format, std::string_view text,
                                     WallTime since);

}  // namespace pgkeel::sense
