// pgkeel incident replay: what was seen when an incident's cause was named, diagnosed again.
#include <fmt/format.h>

#include "app/commands/commands.hpp"
#include "app/incident_source.hpp"
#include "app/replay.hpp"
#include "incident/evidence_store.hpp"

namespace pgkeel::app {
namespace {

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(incident, load_incident(config, invocation.value("ID").value_or("last")));
  const auto id = text_of(incident, "id");
  const auto kept = incident::kept_evidence(config.state_dir, id);
  if (!kept) {
    return fail(Error(kept.error())
                    .with_context(fmt::format("evidence of {}", id))
                    .with_hint("Only the newest incidents' evidence is kept, where the disk of "
                               "state_dir has room."));
  }
  TRY(evidence, parse_json(*kept));
  TRY(replayed, replay(evidence));
  if (invocation.global.json) fmt::print("{}", to_line(replayed));
  else fmt::print("{}", render_replay(replayed, invocation.look));
  return 0;
}

}  // namespace

CommandSpec incident_replay_command() {
  return {.name = "incident replay",
          .summary = "diagnose an incident again from what was seen when it was named",
          .details =
              "By the rules of this version, from the evidence kept in state_dir; says "
              "whether they name now what was named then. Asks no server and changes "
              "nothing.",
          .example = "pgkeel incident replay 2026-11-21-003",
          .arguments = {{.names = "ID", .help = "its id; the newest when none is given"}},
          .run = run};
}

}  // namespace pgkeel::app
