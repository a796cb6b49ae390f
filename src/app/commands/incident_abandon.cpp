// pgkeel incident abandon, incident resume: whose hands an incident is in.
#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/commands/commands.hpp"
#include "app/incident_source.hpp"

namespace pgkeel::app {
namespace {

// Named in full or as "last": what is given up must not be another one than was meant.
Result<std::string> incident_of(const Invocation& invocation, const Config& config) {
  const auto id = invocation.value("ID").value_or("last");
  if (id != "last") return id;
  TRY(newest, load_incident(config, id));
  return text_of(newest, "id");
}

Result<int> post(const Invocation& invocation, const std::string& path, std::string_view words) {
  TRY(config, invocation.load());
  TRY(id, incident_of(invocation, config));
  const auto who = invocation.value("--by").value_or(who_asks());
  TRY(answer, GuardClient(config).post(path, {{"incident", id}, {"who", who}}));
  if (invocation.global.json) fmt::print("{}", to_line(answer));
  else fmt::print("Incident {}: {}\n", id, words);
  return 0;
}

Result<int> abandon(const Invocation& invocation) {
  return post(invocation, "/api/v1/abandon",
              "the guard watches and verifies, and does nothing more for it.");
}

Result<int> take_back(const Invocation& invocation) {
  return post(invocation, "/api/v1/take-back", "the guard acts for it again, at once.");
}

}  // namespace

CommandSpec incident_abandon_command() {
  return {
      .name = "incident abandon",
      .summary = "take an incident out of the guard's hands",
      .details =
          "For repairs by hand. The guard, and every guard after it, does nothing more for this "
          "incident; it goes on watching, and verifies what you did when the fault is gone. "
          "Other incidents are not concerned ('pgkeel pause' is for all).",
      .example = "pgkeel incident abandon 2026-11-21-003",
      .options = {{.names = "--by", .value = "WHO", .help = "your name; else your account's"}},
      .arguments = {{.names = "ID", .help = "its id; the newest when none is given"}},
      .run = abandon};
}

CommandSpec incident_resume_command() {
  return {.name = "incident resume",
          .summary = "give an abandoned incident back to the guard",
          .details =
              "The guard acts for it again, at once and without the back-off of former attempts; "
              "also where it had given up.",
          .example = "pgkeel incident resume 2026-11-21-003",
          .arguments = {{.names = "ID", .help = "its id; the newest when none is given"}},
          .run = take_back};
}

}  // namespace pgkeel::app
