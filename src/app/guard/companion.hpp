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
  /// Starts another beside it, which takes over from it by itself; when due. The one that runs is
  /// followed still if the other ends before settled().
  void succeed(std::string_view why);
  /// The one started last has taken over: the former ends when it wants to.
  void settled();
  /// `pid` is one that was taken over from, as it says itself: it is not the one that is kept.
  void let_go(pid_t pid);
  /// Whether it is taken over from, or was.
  [[nodiscard]] bool is_former(pid_t pid) const;
  /// Notes the end of those that were let go.
  runtime::Task<void> bury_former();
  /// Whether it runs another program than is on disk now.
  [[nodiscard]] bool other_program() const;

 private:
  [[nodiscard]] bool is_ours(pid_t pid) const;
  [[nodiscard]] bool somebody_elses() const;
  void start();
  void launch();

  const Config& config_;
  runtime::Loop& loop_;
  CompanionSpec spec_;
  std::optional<runtime::ProcessHandle> process_;
  std::optional<runtime::ProcessHandle> former_;  ///< is taken over from
  std::vector<runtime::ProcessHandle> leaving_;
  bool burying_ = false;
  SteadyTime started_at_{};
  SteadyTime next_start_{};
  Millis backoff_;
};

}  // namespace pgkeel::app
