// pgkeel in-image: a client program in the image of the guarded container, made to be started by
// pgkeel's own jobs as if it were one of this machine's.
#include "app/commands/commands.hpp"
#include "archive/programs/relay.hpp"

namespace pgkeel::app {
namespace {

Result<int> run(const Invocation& invocation) {
  auto words = invocation.rest;
  if (words.size() < 2)
    return fail(Error(ErrorCode::Usage, "in-image needs a directory and a program")
                    .with_hint("It is started by 'pgkeel dump' and 'pgkeel undrop'."));
  const std::filesystem::path work_dir = words.front();
  words.erase(words.begin());
  return archive::relay_program(work_dir, words);
}

}  // namespace

CommandSpec in_image_command() {
  return {
      .name = "in-image",
      .summary = "run a client program in the guarded container's image, for pgkeel's own jobs",
      .details =
          "Where this machine has no pg_dump or psql as new as the server, 'pgkeel dump' and "
          "'pgkeel undrop' start a container of the server's image and run its programs "
          "through this command: input, output and exit code are the program's. DIR is the "
          "directory such a container works in.",
      .example = "pgkeel in-image /var/lib/pgkeel.pgkeel-drill/dump-programs-work psql --version",
      .passed_on = "DIR PROGRAM ARGS",
      .run = run};
}

}  // namespace pgkeel::app
