// The shadow's process ended, and kept from being started again while this lives: for whoever takes
// its copy.
#pragma once

#include <stop_token>

#include "app/config.hpp"
#include "runtime/files.hpp"
#include "shadow/standby/copy.hpp"

namespace pgkeel::app {

class EndedShadow {
 public:
  /// Waits until its server has shut down. TimedOut, StateLocked, Cancelled.
  static Result<EndedShadow> end(const Config& config, const std::stop_token& stop = {});

  [[nodiscard]] const shadow::ShadowCopy& copy() const { return copy_; }

 private:
  EndedShadow(runtime::FileLock lock, shadow::ShadowCopy copy)
      : lock_(std::move(lock)), copy_(std::move(copy)) {}

  runtime::FileLock lock_;
  shadow::ShadowCopy copy_;
};

}  // namespace pgkeel::app
