// pgkeel application: the application's role and database, shown first, made when asked.
#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/commands/commands.hpp"

namespace pgkeel::app {
namespace {

void show(const Json& application) {
  fmt::print("{}", text_of(application, "state"));
  if (const auto done = text_of(application, "done_at"); !done.empty()) fmt::print(" {}", done);
  fmt::print("\n");
  const auto& items = member(application, "items");
  for (std::size_t i = 0; items.is_array() && i < items.size(); ++i)
    fmt::print("  {}: {}\n", text_of(items[i], "what"), text_of(items[i], "state"));
  if (const auto failure = text_of(application, "failure"); !failure.empty())
    fmt::print("  not made: {}\n  {}\n", failure, text_of(application, "hint"));
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  GuardClient guard(config);
  if (invocation.has("--apply")) TRY_VOID(guard.post("/api/v1/application", {{"who", who_asks()}}));
  TRY(status, guard.get("/api/v1/status"));
  const auto& application = member(status, "application");
  if (!application.is_object())
    return fail(Error(ErrorCode::WrongState, "no application is configured")
                    .with_hint("Set application.database in pgkeel.toml and restart the guard."));
  if (invocation.global.json) fmt::print("{}", to_line(application));
  else show(application);
  return 0;
}

}  // namespace

CommandSpec application_command() {
  return {.name = "application",
          .summary = "the application's role and database: shown first, made on request",
          .details =
              "Shows what [application] asks for: the role with its connection limit, timeouts "
              "and keepalives, and its database; what is there and what would be made. An "
              "embedded instance has both since its first start. On a server that is not "
              "pgkeel's own nothing is made until this is asked with --apply, or "
              "application.apply = \"always\". What exists is never changed.",
          .example = "pgkeel application --apply",
          .options = {{.names = "--apply", .help = "make what is missing now"}},
          .run = run};
}

}  // namespace pgkeel::app
