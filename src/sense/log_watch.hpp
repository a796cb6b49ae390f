// Follows the server's log while the server runs: trouble that no probe feels (a damaged page, a
// full /dev/shm), and commits whose wait for a synchronous standby was cancelled ("might not have
// been replicated"). It guarantees: what is read at one look and what is kept is bounded, a log
// that is rotated or cut is followed, trouble of the last day is read back once. It refuses to
// count what was cancelled before the guard began, and to follow a log that is no file here (a
// container engine's, a server's elsewhere); of an engine's it reads the end while a table is gone.
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
  /// Whether the last line read may go on: it is given when nothing follows it at the next look.
  [[nodiscard]] bool holds_a_line() const { return holds_a_line_; }

 private:
  [[nodiscard]] std::vector<pg::LogLine> read_any(const std::filesystem::path& path);
  [[nodiscard]] std::vector<pg::LogLine> read_on();

  WallTime began_;
  std::filesystem::path path_;
  std::uint64_t offset_ = 0;
  std::optional<pg::LogReader> reader_;
  bool holds_a_line_ = false;
};

/// In Board::mended: files that were missed are back, with the data directory they are in.
inline constexpr const char* kMissedFiles = "files that were missed";
/// What it tells of was mended since; also of an event without a time, which is not newer.
[[nodiscard]] bool is_mended(const Board& board, const LogEvent& event);

/// Runs for as long as the loop.
runtime::Task<void> watch_server_log(Board* board, instance::Instance* instance);

}  // namespace pgkeel::sense
