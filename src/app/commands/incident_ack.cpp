// pgkeel incident ack: a person looks after it, and nobody else is called.
#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/commands/commands.hpp"
#include "app/incident_source.hpp"

namespace pgkeel::app {
namespace {

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  auto id = invocation.value("ID").value_or("last");
  if (id == "last") {
    TRY(newest, load_incident(config, id));
    id = text_of(newest, "id");
  }
  const auto who = invocation.value("--by").value_or(who_asks());
  TRY(answer, GuardClient(config).post("/api/v1/ack", {{"incident", id}, {"who", who}}));
  if (invocation.global.json) fmt::print("{}", to_line(answer));
  else
    fmt::print("Acknowledged {}: {} looks after it. It is not escalated any further.\n", id, who);
  return 0;
}

}  // namespace

CommandSpec incident_ack_command() {
  return {.name = "incident ack",
          .summary = "say that you look after an incident: it is escalated no further",
          .details =
              "Stops the further steps of [escalate] and the reminders; who was told already hears "
              "who looks after it, that it becomes more severe, that the guard needs a person, "
              "and that it is over. The guard goes on repairing.",
          .example = "pgkeel incident ack 2026-11-21-003 --by ann",
          .options = {{.names = "--by", .value = "WHO", .help = "your name; else your account's"}},
          .arguments = {{.names = "ID", .help = "its id; the newest when none is given"}},
          .run = run};
}

}  // namespace pgkeel::app
