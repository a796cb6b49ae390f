// A receiver in a process of its own, so that a test can kill it: a fork of the test that runs
// archive::receive() and nothing else.
#pragma once

#include <sys/types.h>
#include <functional>
#include <optional>
#include <string>

#include "archive/receive/receive.hpp"
#include "archive/receive/status.hpp"

namespace pgkeel::test {

class ReceiverProcess {
 public:
  /// Does not start it.
  explicit ReceiverProcess(archive::ReceiveRequest request) : request_(std::move(request)) {}
  ~ReceiverProcess();
  ReceiverProcess(const ReceiverProcess&) = delete;
  ReceiverProcess& operator=(const ReceiverProcess&) = delete;

  /// `crash_at`: a fault point at which it dies once.
  void start(const std::string& crash_at = {});
  void kill9();
  /// SIGTERM; true when it ended by itself, successfully.
  bool stop();
  /// True when it has ended by itself, with an error.
  [[nodiscard]] bool await_failure();
  /// True when it has died of SIGKILL, as at a fault point.
  [[nodiscard]] bool await_death();
  [[nodiscard]] bool alive();

  [[nodiscard]] archive::ReceiveRequest& request() { return request_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// receive.json as it is now; none: not written yet.
  [[nodiscard]] std::optional<archive::ReceiveStatus> status() const;
  /// Waits until the status is of the running process and fits.
  [[nodiscard]] bool await(const std::function<bool(const archive::ReceiveStatus&)>& fits) const;
  /// Waits until everything up to the LSN is on the archive's disk.
  [[nodiscard]] bool await_flushed(Lsn lsn) const;
  /// Highest resident memory so far.
  [[nodiscard]] std::uint64_t peak_rss_bytes() const;

 private:
  int wait_for_end();
  archive::ReceiveRequest request_;
  pid_t pid_ = 0;
};

}  // namespace pgkeel::test
