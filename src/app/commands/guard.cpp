// pgkeel guard: the process that watches and repairs.
#include "app/guard.hpp"
#include "app/commands/commands.hpp"

namespace pgkeel::app {
namespace {

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  configure_log(config.log.format, config.log.level);
  return run_guard(config);
}

}  // namespace

CommandSpec guard_command() {
  return {.name = "guard",
          .summary = "run the guard in the foreground",
          .details =
              "Watches the instance and repairs it; SIGTERM ends the guard and leaves "
              "PostgreSQL running. Under systemd it reports readiness (Type=notify).",
          .example = "pgkeel guard --config /etc/pgkeel/pgkeel.toml",
          .run = run};
}

}  // namespace pgkeel::app
