// What the first process of a container owes the others: it reaps every orphan, hands signals on,
// and starts the program again when that crashes, because its own end would kill everything in the
// container. The program runs in a child of it, so no exit status the program waits for is ever
// reaped here: orphans come to the init, the program's own children stay with the program.
// It refuses to do anything else: no configuration, no allocation worth mentioning, no thread.
#pragma once

#include <optional>

#include "base/result.hpp"
#include "base/time.hpp"
#include "runtime/process.hpp"

namespace pgkeel::runtime {

struct InitOptions {
  /// From the first stop signal on; then the program is killed, and with PID 1 everything else.
  Millis grace{9'500};
};

/// Where become_init() returned.
struct InitFork {
  std::optional<int> exit_code;  ///< in the init, when all is over; nothing: this is the program
  int life = 0;                  ///< of the program: 0 the first, more after crashes
};

/// Forks. The program goes on in the child; the caller returns to it at once and again each time
/// the program has crashed. SIGTERM, SIGINT and SIGQUIT reach the program as one SIGTERM, SIGHUP as
/// itself; a second stop signal changes nothing. TimedOut when the program outlived the grace.
/// Call it before any thread exists. Where this is not PID 1 (a container with an init of its
/// engine), it adopts orphans as a subreaper, and its own end is a SIGTERM to
/// a program that has not changed its credentials since; others watch their parent.
Result<InitFork> become_init(const InitOptions& options = {});

/// What follows the program's end: an exit code to end with, else a pause before its next life.
struct NextLife {
  std::optional<int> exit_code;
  Millis pause{0};
};
/// `crashes`: how many in a row, this one included. The program's own refusal to start is the
/// answer only as long as nothing it has started may be running.
[[nodiscard]] NextLife after_end(const ExitStatus& ended, int crashes, int life, bool stopping);

}  // namespace pgkeel::runtime
