// pgkeel resume: the end of a pause.
#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/commands/commands.hpp"

namespace pgkeel::app {
namespace {

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(answer, GuardClient(config).post("/api/v1/resume", Json::object()));
  if (invocation.global.json) fmt::print("{}", to_line(answer));
  else fmt::print("Resumed: the guard acts again.\n");
  return 0;
}

}  // namespace

CommandSpec resume_command() {
  return {.name = "resume",
          .summary = "end a pause: the guard acts again",
          .example = "pgkeel resume",
          .run = run};
}

}  // namespace pgkeel::app
