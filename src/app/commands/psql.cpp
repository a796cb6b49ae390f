// pgkeel psql: a shell on the guarded instance. Where to connect goes to psql in its environment, a
// password included, so that no secret is in a process title and every argument of psql's still
// wins.
#include <unistd.h>
#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

#include "app/commands/commands.hpp"
#include "app/psql_target.hpp"

namespace pgkeel::app {
namespace {

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(target, find_psql_target(config));
  if (target.run_as) TRY_VOID(become(*target.run_as));
  for (const auto& [name, value] : target.environment) ::setenv(name.c_str(), value.c_str(), 1);
  auto program = target.program.string();
  auto args = invocation.rest;
  std::vector<char*> argv = {program.data()};
  for (auto& arg : args) argv.push_back(arg.data());
  argv.push_back(nullptr);
  ::execvp(program.c_str(), argv.data());
  const int why = errno;
  return fail(Error(ErrorCode::MissingBinary, Error::from_errno(why, "run " + program).detail)
                  .with_hint("Install postgresql-client, or set instance.bin_dir to the directory "
                             "that holds psql."));
}

}  // namespace

CommandSpec psql_command() {
  return {.name = "psql",
          .summary = "open psql on the guarded instance",
          .details =
              "Everything behind 'psql' that is not an option of every command is handed to "
              "psql. As root, over the server's private socket, psql runs as the user that "
              "owns the data directory. Works without a running guard too.",
          .example = "pgkeel psql -c 'select now()'",
          .passed_on = "ARGS",
          .run = run};
}

}  // namespace pgkeel::app
