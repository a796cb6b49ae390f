// pgkeel pause: the guard keeps watching and acts on nothing.
#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/commands/commands.hpp"

namespace pgkeel::app {
namespace {

Result<int> run(const Invocation& invocation) {
  Json duration;
  std::string until = "until 'pgkeel resume'";
  if (const auto asked = invocation.value("--for")) {
    const auto parsed = parse_duration(*asked);
    if (!parsed || parsed->count() <= 0) {
      return fail(Error(ErrorCode::Usage, fmt::format("--for '{}' is not a duration", *asked))
                      .with_hint("Write 30m, 2h or 1d; the unit is needed."));
    }
    duration = parsed->count();
    until =
        fmt::format("for {}, until {}", humane_duration(*parsed), to_iso8601(wall_now() + *parsed));
  }
  TRY(config, invocation.load());
  TRY(answer, GuardClient(config).post("/api/v1/pause", {{"for_ms", std::move(duration)}}));
  if (invocation.global.json) fmt::print("{}", to_line(answer));
  else fmt::print("Paused {}: the guard watches and acts on nothing.\n", until);
  return 0;
}

}  // namespace

CommandSpec pause_command() {
  return {.name = "pause",
          .summary = "watch, but act on nothing",
          .details =
              "For maintenance by hand. The guard goes on watching and recording; it starts, "
              "stops and repairs nothing until the time is over or 'pgkeel resume'.",
          .example = "pgkeel pause --for 2h",
          .options = {{.names = "--for",
                       .value = "DURATION",
                       .help = "how long, e.g. 30m or 2h; without it until 'pgkeel resume'"}},
          .run = run};
}

}  // namespace pgkeel::app
