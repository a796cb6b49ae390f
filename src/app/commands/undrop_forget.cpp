// pgkeel undrop forget: "it was dropped on purpose", said once and remembered.
#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/commands/commands.hpp"
#include "app/config/value.hpp"
#include "app/shadow/held_copy.hpp"

namespace pgkeel::app {
namespace {

Result<Json> body_of(const std::string& name) {
  const auto parts = split_name(name);
  if (parts.size() == 1) return Json{{"database", parts[0]}, {"who", who_asks()}};
  if (parts.size() == 2)
    return Json{{"database", parts[0]}, {"schema", parts[1]}, {"who", who_asks()}};
  if (parts.size() == 3) {
    return Json{
        {"database", parts[0]}, {"relation", parts[1] + "." + parts[2]}, {"who", who_asks()}};
  }
  return fail(Error(ErrorCode::Usage, fmt::format("'{}' names no table and no database", name))
                  .with_hint("Write database.schema.table, database.schema for a schema that is "
                             "gone, or the name of a database; 'pgkeel undrop list' shows them."));
}

// The shadow need not be kept from it any longer.
void tell_shadow(const Config& config, const std::string& name) {
  const auto parts = split_name(name);
  for (const auto& entry : known_destructions(config)) {
    if (entry.destruction->database != parts[0]) continue;
    shadow::ReleaseWish wish{entry.decided, {}};
    for (const auto& relation : entry.destruction->relations)
      if (parts.size() >= 2 && relation.schema == parts[1] &&
          (parts.size() == 2 || relation.name == parts[2]))
        wish.back.push_back(relation.schema + "." + relation.name);
    const bool meant = !wish.back.empty() || (parts.size() == 1 && entry.destruction->whole);
    if (meant) static_cast<void>(shadow::ask_for_release(config.state_dir, wish));
  }
}

Result<int> run(const Invocation& invocation) {
  const auto name = invocation.value("RELATION").value_or("");
  TRY(body, body_of(name));
  TRY(config, invocation.load());
  TRY(answer, GuardClient(config).post("/api/v1/forget", body));
  tell_shadow(config, name);
  if (invocation.global.json) fmt::print("{}", to_line(answer));
  else fmt::print("Remembered: what became of {} was meant.\n", name);
  return 0;
}

}  // namespace

CommandSpec undrop_forget_command() {
  return {.name = "undrop forget",
          .summary = "say that a table, schema or database was dropped or emptied on purpose",
          .details =
              "The guard stops reporting it and never brings it back by itself. A table that "
              "was truncated, or that lost most of its rows, may lose them again from then "
              "on without a word.",
          .example = "pgkeel undrop forget shop.public.old_orders",
          .arguments = {{.names = "RELATION",
                         .help = "database.schema.table, database.schema, or a database",
                         .given = OptionSpec::Given::Required}},
          .run = run};
}

}  // namespace pgkeel::app
