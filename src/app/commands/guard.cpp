// pgkeel guard: the process that watches and repairs.
#include "app/guard.hpp"
#include "app/commands/commands.hpp"

namespace pgkeel::app {
namespace {

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  configure_log(config.log.format, config.log.level);
  const bool asked = invocation.has("--entry-point");
  return run_guard(config, asked ? Place::EntryPoint : usual_place());
}

}  // namespace

CommandSpec guard_command() {
  return {.name = "guard",
          .summary = "run the guard in the foreground",
          .details =
              "Watches the instance and repairs it; SIGTERM ends the guard and leaves "
              "PostgreSQL running. Under systemd it reports readiness (Type=notify). As the first "
              "process of a container it starts an embedded or managed server and stops it in "
              "order on SIGTERM, inside ten seconds.",
          .example = "pgkeel guard --config /etc/pgkeel/pgkeel.toml",
          .options = {{.names = "--entry-point",
                       .help = "be a container's entry point, also behind the engine's own init "
                               "(docker run --init)"}},
          .run = run};
}

}  // namespace pgkeel::app
