// pgkeel undrop list: what is known and no longer there.
#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/commands/commands.hpp"

namespace pgkeel::app {
namespace {

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(status, GuardClient(config).get("/api/v1/status"));
  Json databases = Json::array();
  for (const auto& database : member(status, "databases")) {
    if (flag_of(database, "missing")) databases.push_back(text_of(database, "name"));
  }
  const auto& known = member(status, "missing_relations");
  const Json relations = known.is_array() ? known : Json::array();
  if (invocation.global.json) {
    fmt::print("{}", to_line({{"databases", databases}, {"relations", relations}}));
    return 0;
  }
  for (const auto& name : databases) fmt::print("database  {}\n", name.get<std::string>());
  for (const auto& name : relations) {
    if (name.is_string()) fmt::print("table     {}\n", printable(name.get<std::string>()));
  }
  if (databases.empty() && relations.empty()) fmt::print("Nothing known is missing.\n");
  return 0;
}

}  // namespace

CommandSpec undrop_list_command() {
  return {.name = "undrop list",
          .summary = "list tables and databases that are gone",
          .example = "pgkeel undrop list",
          .run = run};
}

}  // namespace pgkeel::app
