// A process that lives beside the guard: started in a session of its own, adopted when it runs
// already, started again with back-off when it dies. It outlives the guard: nothing here ever ends
// it because the guard ends.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"

namespace pgkeel::app {

struct CompanionSpec {
  std::string word;                     ///< the command: "receive"
  std::vector<std::string> words = {};  ///< behind it
  std::string name;                     ///< for people: "the WAL receiver"
  std::filesystem::path lock_file;      ///< it holds while it runs; empty: it has none
  std::filesystem::path log_file;
  std::filesystem::path working_dir = {};
  /// Bare: of our environment only where programs, time zones and languages are.
  enum class Environment { Ours, Bare } environment = Environment::Ours;
};

class Companion {
 public:
  Companion(const Config& config, runtime::Loop& loop, CompanionSpec spec);

  [[nodiscard]] bool running() const { return process_ && process_->alive(); }
  [[nodiscard]] pid_t pid() const { return process_ ? process_->pid() : 0; }
  /// Notes the end of one that was started or adopted.
  runtime::Task<void> bury();
  /// Takes up one that runs already, as its status says.
  void adopt(pid_t pid);
  void start_when_due();
  /// SIGTERM: a new one is started when it has gone.
  void replace(std::string_view why);
  /// Whether it runs another program than is on disk now.
  [[nodiscard]] bool other_program() const;

 private:
  [[nodiscard]] bool is_ours(pid_t pid) const;
  [[nodiscard]] bool somebody_elses() const;
  void start();

  const Config& config_;
  runtime::Loop& loop_;
  CompanionSpec spec_;
  std::optional<runtime::ProcessHandle> process_;
  bool burying_ = false;
  SteadyTime started_at_{};
  SteadyTime next_start_{};
  Millis backoff_;
};

}  // namespace pgkeel::app
