// Keeps a WAL receiver running beside the guard: started in a session of its own, adopted when it
// runs already, started again with back-off when it dies, replaced when the configuration or the
// program is another one. It outlives the guard: nothing here ever ends it because the guard ends.
#pragma once

#include <optional>

#include "app/config.hpp"
#include "archive/receive/status.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"
#include "sense/senses.hpp"

namespace pgkeel::app {

class ReceiverKeeper {
 public:
  ReceiverKeeper(const Config& config, runtime::Loop& loop, const sense::Senses& senses);

  /// Runs for as long as the loop; returns at once where there is no archive, or only advice.
  runtime::Task<void> run();

  /// receive.json as last read, at most a second ago; none: there is none.
  [[nodiscard]] const std::optional<archive::ReceiveStatus>& status() const { return status_; }
  [[nodiscard]] bool running() const { return process_ && process_->alive(); }
  /// Whether WAL reaches the archive's disk now, as far as the receiver says.
  [[nodiscard]] bool streaming() const;

 private:
  runtime::Task<void> bury();
  void adopt();
  void start();
  void replace_outdated();
  [[nodiscard]] bool outdated() const;

  [[nodiscard]] bool may_receive() const;

  const Config& config_;
  runtime::Loop& loop_;
  const sense::Senses& senses_;
  std::optional<archive::ReceiveStatus> status_;
  std::optional<runtime::ProcessHandle> process_;
  SteadyTime started_at_{};
  SteadyTime next_start_{};
  Millis backoff_;
};

}  // namespace pgkeel::app
