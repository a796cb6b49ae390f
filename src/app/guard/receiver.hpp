// Keeps a WAL receiver running beside the guard (companion.hpp), and replaces it when the
// configuration or the program is another one.
#pragma once

#include <optional>

#include "app/config.hpp"
#include "app/guard/companion.hpp"
#include "archive/receive/status.hpp"
#include "sense/senses.hpp"

namespace pgkeel::app {

class ReceiverKeeper {
 public:
  ReceiverKeeper(const Config& config, runtime::Loop& loop, const sense::Senses& senses);

  /// Runs for as long as the loop; returns at once where there is no archive, or only advice.
  runtime::Task<void> run();

  /// receive.json as last read, at most a second ago; none: there is none.
  [[nodiscard]] const std::optional<archive::ReceiveStatus>& status() const { return status_; }
  [[nodiscard]] bool running() const { return process_.running(); }
  /// Whether WAL reaches the archive's disk now, as far as the receiver says.
  [[nodiscard]] bool streaming() const;

 private:
  void adopt();
  [[nodiscard]] bool outdated() const;
  [[nodiscard]] bool may_receive() const;

  const Config& config_;
  runtime::Loop& loop_;
  const sense::Senses& senses_;
  std::optional<archive::ReceiveStatus> status_;
  Companion process_;
};

}  // namespace pgkeel::app
