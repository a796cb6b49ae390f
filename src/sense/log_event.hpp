// What the server's log said, as events of known meaning with their time.
#pragma once

#include <sys/types.h>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "pg/ddl_line.hpp"
#include "pg/log_signature.hpp"

namespace pgkeel::sense {

struct LogEvent {
  std::optional<WallTime> at;  ///< none where log_line_prefix has no time we can read
  pg::Signature signature = pg::Signature::Ready;
  pg::LogSeverity severity = pg::LogSeverity::Unknown;
  pid_t pid = 0;
  std::string sqlstate;
  std::string
      text;  ///< message, and detail in parentheses; cut to kEventTextMax, never a statement
  std::string user;
  std::string database;
  std::string application;
};

inline constexpr std::size_t kEventTextMax = 1024;

/// Without the statement, which is the user's and may hold what no report should.
[[nodiscard]] LogEvent to_event(pg::Signature signature, const pg::LogLine& line);
/// Of the record of DDL; nullopt for any other line, and for one that is not of the process, the
/// login, the database or (within seconds) the time it names, as far as the line tells these.
[[nodiscard]] std::optional<pg::DdlLine> ddl_of(const pg::LogLine& line);

}  // namespace pgkeel::sense
