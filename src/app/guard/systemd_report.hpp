// What the guard tells the service manager that started it (sd_notify(3)): that it watches, that it
// ends, in one line how the database is, and, where a watchdog is set, that its loop still turns.
// Without a service manager it does nothing.
#pragma once

#include "app/guard/face.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::app {

class SystemdReport {
 public:
  SystemdReport(runtime::Loop& loop, const Face& face) : loop_(loop), face_(face) {}

  static void tell_ready();
  /// With why, when the guard ends by a failure.
  static void tell_stopping(const Result<int>& outcome);
  /// Keeps the line true, and pings three times in each watchdog interval. Runs for as long as the
  /// loop.
  runtime::Task<void> run();

 private:
  void tell_state();
  static void tell_line(const std::string& line);

  runtime::Loop& loop_;
  const Face& face_;
  std::string told_;
};

}  // namespace pgkeel::app
