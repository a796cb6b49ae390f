// What the three forms of a server's log share: a decoder's interface, and the splitting of a byte
// stream into bounded lines. Private to the log_line*.cpp files.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pg/log_line.hpp"

namespace pgkeel::pg {

class LogDecoder {
 public:
  LogDecoder() = default;
  LogDecoder(const LogDecoder&) = delete;
  LogDecoder& operator=(const LogDecoder&) = delete;
  virtual ~LogDecoder() = default;

  void feed(std::string_view bytes, std::vector<LogLine>& out);
  void finish(std::vector<LogLine>& out);

 protected:
  enum class Whole { Yes, Cut };
  /// A line without its newline; Cut when it was longer than kLogLineBytesMax.
  virtual void take_line(std::string_view line, Whole whole, std::vector<LogLine>& out) = 0;
  /// Nothing more comes: give what is pending and forget it.
  virtual void flush(std::vector<LogLine>& out) = 0;

 private:
  void append(std::string_view part);
  void end_line(std::string_view line, std::vector<LogLine>& out);

  std::string line_;
  Whole whole_ = Whole::Yes;
};

[[nodiscard]] std::unique_ptr<LogDecoder> make_stderr_decoder();
[[nodiscard]] std::unique_ptr<LogDecoder> make_csv_decoder();
[[nodiscard]] std::unique_ptr<LogDecoder> make_json_decoder();

/// "ERROR", "DEBUG2": the server's English words, else Unknown.
[[nodiscard]] LogSeverity severity_of(std::string_view word);
/// A line in no form known: its text is kept as the message.
[[nodiscard]] LogLine unknown_line(std::string_view text);
/// A process id in decimal, or 0.
[[nodiscard]] pid_t pid_of(std::string_view text);
/// Whether the text begins like "2026-11-21 03:04:05".
[[nodiscard]] bool starts_with_time(std::string_view text);

}  // namespace pgkeel::pg
