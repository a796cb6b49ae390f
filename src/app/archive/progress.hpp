// Progress of a long command on stderr: a line that rewrites itself on a terminal, else a line now
// and then. And the words it is made of.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "app/look.hpp"
#include "base/time.hpp"

namespace pgkeel::app {

/// Names a file that the line is written to as well, for the guard that started the command.
inline constexpr const char* kProgressVariable = "KEEL_PROGRESS_FILE";

class ProgressLine {
 public:
  ProgressLine();
  /// Ends the line.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  /// Shown at most a few times a second, and only once the command has taken a second.
  void show(const std::string& text);

 private:
  void publish(const std::string& text, SteadyTime now);

  Look look_;
  std::string file_;  ///< empty: nobody asked for it
  SteadyTime published_{};
  SteadyTime began_ = SteadyClock::now();
  SteadyTime shown_{};
  bool open_ = false;
};

/// "1.2 GB of 4.0 GB (30 %), 310 MB/s, 9 s left"; what is not known is left out.
[[nodiscard]] std::string amount_text(std::uint64_t bytes, std::uint64_t bytes_total, Millis took);

}  // namespace pgkeel::app
