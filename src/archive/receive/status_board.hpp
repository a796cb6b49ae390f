// The receiver's status between its threads and on disk. One thread writes the file, so that a slow
// state directory holds nobody up.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <thread>

#include "archive/receive/lag.hpp"
#include "archive/receive/status.hpp"

namespace pgkeel::archive {

class StatusBoard {
 public:
  static constexpr Millis kWriteEvery{500};

  /// Starts from `status`, and writes it at once.
  StatusBoard(std::filesystem::path file, ReceiveStatus status);
  /// Writes the last state.
  ~StatusBoard();
  StatusBoard(const StatusBoard&) = delete;
  StatusBoard& operator=(const StatusBoard&) = delete;

  /// Changes it under the lock: `change` takes a ReceiveStatus&.
  template <class Change>
  void update(Change change) {
    const std::lock_guard lock(mutex_);
    change(status_);
    changed_ = true;
  }
  /// Never writes again: the file's place is no longer ours.
  void abandon();
  /// Writes now and durably; for what must not be forgotten, like a gap.
  Result<void> write_through();
  [[nodiscard]] ReceiveStatus status() const;

 private:
  void keep_writing(const std::stop_token& stop);
  void write_if_changed();

  std::filesystem::path file_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  ReceiveStatus status_;
  bool changed_ = true;
  bool abandoned_ = false;
  bool write_failed_ = false;  // said once
  std::jthread writer_;
};

}  // namespace pgkeel::archive
