// pgkeel incident show: one incident as a timeline.
#include <fmt/format.h>

#include "app/commands/commands.hpp"
#include "app/incident_source.hpp"
#include "app/look.hpp"
#include "incident/json.hpp"
#include "incident/timeline.hpp"

namespace pgkeel::app {
namespace {

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(json, load_incident(config, invocation.value("ID").value_or("last")));
  if (invocation.global.json) {
    fmt::print("{}", to_line(json));
    return 0;
  }
  TRY(incident, incident::incident_from_json(json));
  const incident::Style style{
      invocation.look.colour ? incident::Colour::Ansi : incident::Colour::Plain,
      static_cast<std::size_t>(invocation.look.width)};
  fmt::print("{}", incident::render_timeline(incident, style));
  return 0;
}

}  // namespace

CommandSpec incident_show_command() {
  return {.name = "incident show",
          .summary = "show one incident: evidence, actions, checks, what was lost",
          .details = "Works without a running guard too, from its journal.",
          .example = "pgkeel incident show 2026-11-21-003",
          .arguments = {{.names = "ID", .help = "its id; the newest when none is given"}},
          .run = run};
}

}  // namespace pgkeel::app
