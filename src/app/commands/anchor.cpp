// pgkeel anchor: the container that keeps an engine from removing the data volume.
#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/commands/commands.hpp"

namespace pgkeel::app {
namespace {

Result<int> set_anchor(const Invocation& invocation, bool wanted) {
  TRY(config, invocation.load());
  GuardClient guard(config);
  TRY(answer, guard.post("/api/v1/anchor", {{"anchor", wanted ? "keep" : "remove"}}));
  if (invocation.global.json) fmt::print("{}", to_line(answer));
  else if (wanted) fmt::print("The guard keeps an anchor on the data volume.\n");
  else fmt::print("The anchor is gone; the engine may remove the data volume now.\n");
  return 0;
}

Result<int> remove(const Invocation& invocation) { return set_anchor(invocation, false); }
Result<int> keep(const Invocation& invocation) { return set_anchor(invocation, true); }

}  // namespace

CommandSpec anchor_remove_command() {
  return {.name = "anchor remove",
          .summary = "let the engine remove the data volume",
          .details =
              "The guard keeps a container that is never started over the data volume, so that "
              "'docker compose down -v' and 'volume prune' cannot remove it. This removes that "
              "container, and the guard makes no new one.",
          .example = "pgkeel anchor remove",
          .run = remove};
}

CommandSpec anchor_keep_command() {
  return {.name = "anchor keep",
          .summary = "hold the data volume again",
          .details = "Takes back 'pgkeel anchor remove'.",
          .example = "pgkeel anchor keep",
          .run = keep};
}

}  // namespace pgkeel::app
