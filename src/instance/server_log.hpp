// What a server wrote since a moment: the reason of a failed start is in there and nowhere else.
// Follows the log the guard redirects to, and the logging collector's file if the server has one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace pgkeel::instance {

/// Enough for the start of a server that fails; a server that floods its log is cut here.
inline constexpr std::size_t kStartLogBytesMax = 64U << 10U;

class LogMark {
 public:
  /// Remembers where both logs end now.
  [[nodiscard]] static LogMark take(const std::filesystem::path& log_file,
                                    const std::filesystem::path& data_dir);
  /// What was written since, the collector's part last; at most kStartLogBytesMax.
  [[nodiscard]] std::string read() const;

 private:
  std::filesystem::path log_file_;
  std::filesystem::path data_dir_;
  std::uint64_t offset_ = 0;
  std::filesystem::path collector_file_;
  std::uint64_t collector_offset_ = 0;
};

/// The collector's present file for people (stderr format if there is one), from
/// `current_logfiles`; empty when there is no collector.
[[nodiscard]] std::filesystem::path current_log_file(const std::filesystem::path& data_dir);

/// The last line that says FATAL, PANIC or ERROR, else the last line: one line for a message.
[[nodiscard]] std::string telling_line(std::string_view log);

}  // namespace pgkeel::instance
