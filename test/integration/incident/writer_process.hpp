// Runs incident_writer and listens to it. It is killed and reaped when the object goes.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace pgkeel::incident {

class WriterProcess {
 public:
  /// `crash_at` is a fault point at which it ends itself with SIGKILL; empty: none.
  explicit WriterProcess(const std::filesystem::path& state_dir, const std::string& crash_at = "",
                         const std::string& mode = "");
  ~WriterProcess();
  WriterProcess(const WriterProcess&) = delete;
  WriterProcess& operator=(const WriterProcess&) = delete;

  /// The next line it says; nothing when it has ended.
  [[nodiscard]] std::optional<std::string> next_line();
  void kill();
  /// Reads to the end, reaps, gives the signal that ended it (0: it ended by itself).
  int wait(std::vector<std::string>& lines);
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int pipe_ = -1;
  std::string buffer_;
};

}  // namespace pgkeel::incident
