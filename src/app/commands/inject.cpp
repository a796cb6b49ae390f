// pgkeel inject: breaks an instance on purpose, if it is one that may be broken.
#include "app/commands/commands.hpp"

namespace pgkeel::app {
namespace {

Result<int> run(const Invocation&) {
  return fail(ErrorCode::NotSupported, "fault injection is not built into this binary");
}

}  // namespace

CommandSpec inject_command() {
  return {.name = "inject",
          .summary = "break a disposable instance on purpose",
          .details = "Refused unless the instance is embedded or instance.disposable is true.",
          .example = "pgkeel inject server_killed --yes",
          .options = {{.names = "--yes", .help = "yes, break it"}},
          .arguments = {{.names = "FAULT",
                         .help = "server_killed, table_dropped, ...",
                         .given = OptionSpec::Given::Required}},
          .run = run};
}

}  // namespace pgkeel::app
