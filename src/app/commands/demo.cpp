// pgkeel demo: a private PostgreSQL, broken and healed before your eyes.
#include "app/commands/commands.hpp"

namespace pgkeel::app {
namespace {

Result<int> run(const Invocation&) {
  return fail(ErrorCode::NotSupported, "the demo is not built into this binary");
}

}  // namespace

CommandSpec demo_command() {
  return {.name = "demo",
          .summary = "break a private PostgreSQL in several ways and watch it heal",
          .details =
              "Runs a writer and a guard on an embedded instance in a temporary directory, "
              "injects faults one after another, and counts acknowledged rows that are "
              "missing afterwards. Exit 0 only if there are none.",
          .example = "pgkeel demo --fault server_killed --fault table_dropped",
          .options = {{.names = "--fault",
                       .value = "NAME",
                       .help = "only this fault; may be given several times",
                       .takes = OptionSpec::Takes::Many}},
          .run = run};
}

}  // namespace pgkeel::app
