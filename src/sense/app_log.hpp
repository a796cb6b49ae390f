// What an application's own log says about the database: refused connections, missing tables, names
// that do not resolve. Logs of applications have any format, so words are looked for, and a time
// where one stands in the line. Read once and from its end, on request.
// It guarantees: bounded bytes, lines, events and text, whatever the file holds; a line that only
// mentions such words without anything of a database in it is left out.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace pgkeel::sense {

enum class AppTrouble {
  Refused,      ///< nobody listens
  UnknownHost,  ///< the name does not resolve (K54)
  Closed,       ///< the connection ended under it (K53)
  TooMany,      ///< no connection was left, in the server or in a pool
  MissingRelation,
  MissingDatabase,
  Login,  ///< password or pg_hba.conf
  Tls,
  Timeout,
  Deadlock,
  NotReady,  ///< starting up, shutting down, in recovery
  ReadOnly,
  NoSpace,
};
[[nodiscard]] std::string_view to_string(AppTrouble trouble);  ///< "unknown_host"

struct AppEvent {
  std::optional<WallTime> at;  ///< none: the line has no time that can be read
  AppTrouble trouble = AppTrouble::Refused;
  std::string text;  ///< the line, cut; not redacted yet
};

struct AppLog {
  std::string path;
  std::string unavailable;       ///< why nothing was read; empty: the rest holds
  bool cut = false;              ///< older lines of the time asked for were left out
  std::vector<AppEvent> events;  ///< the oldest first, the newest kAppEventsMax
};

inline constexpr std::size_t kAppLogBytesMax = 8U << 20U;
inline constexpr std::size_t kAppLineBytesMax = 4U << 10U;  // of a line; the rest of it is not read
inline constexpr std::size_t kAppEventsMax = 2'000;
inline constexpr std::size_t kAppTextMax = 300;

/// What the line tells of, if anything.
[[nodiscard]] std::optional<AppTrouble> app_trouble(std::string_view line);
/// A time such as "2026-11-21T10:00:00.123Z", "2026-11-21 10:00:00,123" (without a zone: of this
/// machine) or "2026-11-21T10:00:00+02:00" within the first bytes of the line.
[[nodiscard]] std::optional<WallTime> line_time(std::string_view line);

/// Events not older than `since`; a line without a time has that of the last line before it.
[[nodiscard]] std::vector<AppEvent> app_events(std::string_view text, WallTime since);
/// A regular file only: no pipe or device is opened.
[[nodiscard]] AppLog read_app_log(const std::filesystem::path& path, WallTime since);

}  // namespace pgkeel::sense
