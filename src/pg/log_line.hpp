// Lines of a server's own log, in its three forms: stderr with any log_line_prefix, csvlog and
// jsonlog (15 and later). Fed with bytes as they come, it gives whole events: continuation lines
// and DETAIL, HINT, CONTEXT, STATEMENT are folded into the event they belong to. It guarantees:
// never throws, never holds more than kLogLineBytesMax of an unfinished event, forgives garbage and
// goes on at the next line. It refuses to be clever about languages: severity words and messages
// follow lc_messages, and only the English words are known here. Run servers with lc_messages=C,
// and prefer SQLSTATE.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace pgkeel::pg {

/// A statement of an ORM may be large, but what diagnosis needs stands in the first part. Longer
/// events are cut, not lost.
inline constexpr std::size_t kLogLineBytesMax = 256U << 10U;

/// In ascending gravity. Detail lines (DETAIL, HINT ...) are no severities: they are folded.
enum class LogSeverity : std::uint8_t {
  Unknown,  ///< not in the server's form, or its word is localized
  Debug,
  Log,
  Info,
  Notice,
  Warning,
  Error,
  Fatal,
  Panic,
};
[[nodiscard]] std::string_view to_string(LogSeverity severity);

/// One event of the server's log. What its form does not carry is empty.
struct LogLine {
  std::optional<WallTime> at;  ///< none when the prefix has no time, or one in a zone only named
  pid_t pid = 0;
  LogSeverity severity = LogSeverity::Unknown;
  std::string sqlstate;  ///< from csvlog and jsonlog, or when the prefix has %e
  std::string message;
  std::string detail;
  std::string hint;
  std::string context;
  std::string statement;
  std::string user;
  std::string database;
  std::string application;
  std::string backend_type;  ///< csvlog and jsonlog: "client backend", "postmaster", "startup"
};

/// log_destination.
enum class ServerLogFormat : std::uint8_t { Stderr, Csv, Json };

/// What a reader holds of one form; see log_decoder.hpp.
class LogDecoder;

/// Turns a growing log into events. Not thread-safe; one per file.
class LogReader {
 public:
  explicit LogReader(ServerLogFormat format);
  ~LogReader();
  LogReader(LogReader&&) noexcept;
  LogReader& operator=(LogReader&&) noexcept;

  /// The events completed by `bytes`. In stderr form an event is complete when the next one begins,
  /// since its DETAIL may still follow: call finish() when the file has been quiet for a moment.
  [[nodiscard]] std::vector<LogLine> feed(std::string_view bytes);
  /// What is left, complete or not; the reader is then as new.
  [[nodiscard]] std::vector<LogLine> finish();

 private:
  std::unique_ptr<LogDecoder> decoder_;
};

/// A whole text at once.
[[nodiscard]] std::vector<LogLine> parse_log(ServerLogFormat format, std::string_view text);

/// A time as log_timezone prints it: "2026-11-21 03:04:05.123 UTC", also "GMT", "+02", "+05:30".
/// An abbreviation ("CET") is read where it is one of this machine's own zone, else nullopt.
[[nodiscard]] std::optional<WallTime> parse_log_time(std::string_view text);

}  // namespace pgkeel::pg
