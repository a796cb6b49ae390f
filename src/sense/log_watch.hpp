// Follows the server's log while the server runs, and counts what is told nowhere else: commits
// whose wait for a synchronous standby was cancelled ("might not have been replicated").
// It guarantees: what is read at one look is bounded, a log that is rotated or cut is followed.
// It refuses to look back: what was logged before the guard began is not counted, and a log that is
// no file here (a container engine's, a server's elsewhere) is not followed.
#pragma once

#include <optional>

#include "instance/instance.hpp"
#include "pg/log_line.hpp"
#include "sense/board.hpp"

namespace pgkeel::sense {

/// The new events of a log file, look by look.
class LogFollower {
 public:
  /// Events of before `began` are never given: a log file may be taken up again, a week old.
  explicit LogFollower(WallTime began) : began_(began) {}

  /// Lines that are complete, of `path` as it is now. When the path changes the new file is read
  /// from its beginning; the first one from its end. Nothing for an empty path: no file here.
  [[nodiscard]] std::vector<pg::LogLine> read(const std::filesystem::path& path);

 private:
  [[nodiscard]] std::vector<pg::LogLine> read_any(const std::filesystem::path& path);
  [[nodiscard]] std::vector<pg::LogLine> read_on();

  WallTime began_;
  std::filesystem::path path_;
  std::uint64_t offset_ = 0;
  std::optional<pg::LogReader> reader_;
};

/// Runs for as long as the loop.
runtime::Task<void> watch_server_log(Board* board, instance::Instance* instance);

}  // namespace pgkeel::sense
