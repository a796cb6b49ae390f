// pgkeel unfence: data that pgkeel fenced is given back; and an operator accepts the cluster that
// is there in place of the one that was known.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "app/api_client.hpp"
#include "app/commands/commands.hpp"

namespace pgkeel::app {
namespace {

std::vector<std::string> sentences(const Json& plan) {
  std::vector<std::string> words;
  if (!plan.contains("would") || !plan["would"].is_array()) return words;
  for (const auto& one : plan["would"])
    if (one.is_string()) words.push_back(one.get<std::string>());
  return words;
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  GuardClient guard(config);
  TRY(plan, guard.get("/api/v1/unfence-plan"));
  const auto steps = sentences(plan);
  if (steps.empty()) {
    if (invocation.global.json) fmt::print("{}", to_line({{"did", Json::array()}}));
    else fmt::print("Nothing is fenced, and the cluster that is there is the known one.\n");
    return 0;
  }
  if (!invocation.has("--yes"))
    return fail(ErrorCode::ConfirmationNeeded,
                fmt::format("this would {}", fmt::join(steps, "; then ")));
  TRY_VOID(guard.post("/api/v1/unfence", {{"who", who_asks()}}));
  if (invocation.global.json) {
    fmt::print("{}", to_line({{"did", steps}}));
    return 0;
  }
  fmt::print("Done:\n");
  for (const auto& step : steps) fmt::print("  {}\n", step);
  return 0;
}

}  // namespace

CommandSpec unfence_command() {
  return {
      .name = "unfence",
      .summary = "give fenced data back, accept another cluster as the known one",
      .details =
          "Data in which no server may start is fenced: its control file is renamed, what would "
          "start it is held, and FENCED_BY_PGKEEL.txt in it says why. This takes all of it "
          "back. A data directory whose system identifier is not the one in the ledger is "
          "refused; when the change was meant (a restore, a new cluster), this records the new "
          "identity; the old one stays in the history. Without --yes it says what it would do.",
      .example = "pgkeel unfence --yes",
      .options = {{.names = "--yes", .help = "yes, do it"}},
      .run = run};
}

}  // namespace pgkeel::app
