// pgkeel unfence: an operator accepts the cluster that is there in place of the one that was known.
#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/commands/commands.hpp"

namespace pgkeel::app {
namespace {

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  GuardClient guard(config);
  TRY(status, guard.get("/api/v1/status"));
  const auto description = text_of(member(status, "instance"), "description");
  if (!invocation.has("--yes")) {
    return fail(ErrorCode::ConfirmationNeeded,
                fmt::format("this makes the guard forget the cluster it knows and accept what is "
                            "there now ({})",
                            description));
  }
  TRY(answer, guard.post("/api/v1/unfence", {{"who", who_asks()}}));
  if (invocation.global.json) fmt::print("{}", to_line(answer));
  else fmt::print("Accepted: {} is the known cluster from now on.\n", description);
  return 0;
}

}  // namespace

CommandSpec unfence_command() {
  return {.name = "unfence",
          .summary = "accept another cluster in place of the known one",
          .details =
              "The guard refuses a data directory whose system identifier is not the one in "
              "its ledger. When the change was meant (a restore, a new cluster), this "
              "records the new identity; the old one stays in the history.",
          .example = "pgkeel unfence --yes",
          .options = {{.names = "--yes", .help = "yes, the change was meant"}},
          .run = run};
}

}  // namespace pgkeel::app
