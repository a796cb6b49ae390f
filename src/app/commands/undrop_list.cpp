// pgkeel undrop list: what is known and no longer there.
#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/commands/commands.hpp"
#include "app/shadow/held_copy.hpp"
#include "incident/ddl_trail.hpp"
#include "incident/store.hpp"

namespace pgkeel::app {
namespace {

constexpr std::size_t kTrailRead = 5'000;
constexpr Seconds kTrailBefore{3'600};

// What was written down of DDL around these; nothing where nobody writes it down.
std::vector<pg::DdlLine> trail_of(const Config& config,
                                  const std::vector<shadow::GateEntry>& entries) {
  if (entries.empty()) return {};
  const auto store = incident::Store::open_read_only(config.state_dir);
  if (!store) return {};
  const auto oldest = entries.back().at - kTrailBefore;
  return incident::DdlTrail(**store).since(oldest, kTrailRead).value_or(std::vector<pg::DdlLine>());
}

Json who_did(const shadow::GateEntry& entry, const std::vector<pg::DdlLine>& trail) {
  for (const auto& relation : entry.destruction->relations) {
    const auto subject =
        fmt::format("{}.{}.{}", entry.destruction->database, relation.schema, relation.name);
    if (const auto* line = incident::who_removed(trail, subject, entry.at))
      return pg::describe(*line);
  }
  return nullptr;
}

Json json_of(const Config& config, const shadow::GateEntry& entry,
             const std::vector<pg::DdlLine>& trail) {
  Json relations = Json::array();
  for (const auto& relation : entry.destruction->relations)
    if (!relation.back)
      relations.push_back({{"name", relation.schema + "." + relation.name},
                           {"what", to_string(relation.loss)},
                           {"rows", relation.rows},
                           {"bytes", relation.bytes}});
  return {{"database", entry.destruction->database},
          {"whole", entry.destruction->whole},
          {"relations", relations},
          {"at", to_iso8601(entry.at)},
          {"lsn", to_string(entry.before)},
          {"xid", entry.xid},
          {"by", who_did(entry, trail)},
          {"from", is_at_hand(config, entry) ? "shadow" : "backup"},
          {"until", entry.kept() ? Json(to_iso8601(entry.until)) : Json()}};
}

void print_destroyed(const Json& entry) {
  const auto database = text_of(entry, "database");
  const bool at_hand = text_of(entry, "from") == "shadow";
  const auto from = at_hand ? "at once, until " + text_of(entry, "until") : "from the backup";
  if (flag_of(entry, "whole"))
    fmt::print("{}  database {} dropped; {}\n", text_of(entry, "at"), printable(database), from);
  for (const auto& relation : entry["relations"])
    fmt::print("{}  {}.{} {}, about {} rows, {}; {}\n", text_of(entry, "at"), printable(database),
               printable(text_of(relation, "name")), text_of(relation, "what"),
               relation["rows"].get<std::int64_t>(),
               format_size(relation["bytes"].get<std::uint64_t>()), from);
  if (const auto by = text_of(entry, "by"); !by.empty()) fmt::print("  {}\n", printable(by));
}

// What the shadow's gate knows is there without a guard too.
Result<Json> missing_by_guard(const Config& config, bool enough) {
  const auto status = GuardClient(config).get("/api/v1/status");
  if (!status && enough) return Json::object();
  if (!status) return fail(status.error());
  Json databases = Json::array();
  for (const auto& database : member(*status, "databases"))
    if (flag_of(database, "missing")) databases.push_back(text_of(database, "name"));
  const auto& known = member(*status, "missing_relations");
  return Json{{"databases", databases}, {"relations", known.is_array() ? known : Json::array()}};
}

void print(const Json& missing, const Json& destroyed) {
  const auto& databases = member(missing, "databases");
  const auto& relations = member(missing, "relations");
  for (const auto& name : databases)
    fmt::print("database  {}\n", printable(name.get<std::string>()));
  for (const auto& name : relations)
    if (name.is_string()) fmt::print("table     {}\n", printable(name.get<std::string>()));
  if (!destroyed.empty()) fmt::print("Destroyed, the last one first:\n");
  for (const auto& entry : destroyed) print_destroyed(entry);
  if (databases.empty() && relations.empty() && destroyed.empty())
    fmt::print("Nothing known is missing.\n");
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  Json destroyed = Json::array();
  const auto known = known_destructions(config);
  const auto trail = trail_of(config, known);
  for (const auto& entry : known) destroyed.push_back(json_of(config, entry, trail));
  TRY(missing, missing_by_guard(config, !destroyed.empty()));
  if (invocation.global.json) {
    missing["destroyed"] = destroyed;
    fmt::print("{}", to_line(missing));
  } else {
    print(missing, destroyed);
  }
  return 0;
}

}  // namespace

CommandSpec undrop_list_command() {
  return {.name = "undrop list",
          .summary = "list tables and databases that are gone",
          .details =
              "With a shadow also what was dropped, truncated or emptied, when, about how large it "
              "was, whether it comes back at once or from the backup, and who did it where "
              "'pgkeel protect' records that.",
          .example = "pgkeel undrop list",
          .run = run};
}

}  // namespace pgkeel::app
