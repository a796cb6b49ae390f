// pgkeel dump list: the logical dumps there are, which are good, and which are proven.
#include <fmt/format.h>

#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "archive/catalog/dump.hpp"

namespace pgkeel::app {
namespace {

using archive::DumpStanding;
using archive::Proof;

std::string state_text(const DumpStanding& one) {
  if (!one.dump.good())
    return "FAILED: " + (one.dump.complete() || !one.dump.failure().empty() ? one.dump.failure()
                                                                            : "nothing in it");
  const auto* const drill = one.standing.last(Proof::Kind::Drill);
  if (drill == nullptr) return "not proven yet";
  if (!drill->holds) return "DRILL FAILED: " + drill->failure;
  return fmt::format("restored in {} on {}", humane_duration(drill->copy_took),
                     to_iso8601(drill->at).substr(0, 10));
}

Json drill_json(const Proof* proof) {
  if (proof == nullptr) return nullptr;
  return {{"at", to_iso8601(proof->at)},
          {"holds", proof->holds},
          {"failure", proof->failure},
          {"checked", proof->checked},
          {"restore_ms", proof->copy_took.count()}};
}

Json row_json(const DumpStanding& one) {
  Json databases = Json::array();
  for (const auto& database : one.dump.databases)
    databases.push_back({{"database", database.name},
                         {"rows", database.rows_total()},
                         {"entries", database.entries},
                         {"plain_bytes", database.object.plain_bytes},
                         {"stored_bytes", database.object.stored_bytes},
                         {"sha256", database.object.sha256},
                         {"failure", database.failure}});
  return {{"dump", one.dump.label},
          {"started_at", to_iso8601(one.dump.started_at)},
          {"ended_at", to_iso8601(one.dump.ended_at)},
          {"client", one.dump.client},
          {"complete", one.dump.complete()},
          {"good", one.dump.good()},
          {"failure", one.dump.failure()},
          {"plain_bytes", one.dump.plain_bytes()},
          {"stored_bytes", one.dump.stored_bytes()},
          {"rows", one.dump.rows_total()},
          {"databases", std::move(databases)},
          {"proven", one.dump.good() && one.standing.proven()},
          {"drill", drill_json(one.standing.last(Proof::Kind::Drill))}};
}

std::vector<std::string> row_text(const DumpStanding& one) {
  return {one.dump.label, std::to_string(one.dump.databases.size()),
          std::to_string(one.dump.rows_total()), format_size(one.dump.stored_bytes()),
          state_text(one)};
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(tools, open_archive(config, which_store(invocation)));
  TRY(list, archive::list_dump_standings(*tools.store));
  if (invocation.global.json) {
    Json rows = Json::array();
    for (const auto& one : list) rows.push_back(row_json(one));
    fmt::print("{}", to_line({{"store", tools.store->describe()}, {"dumps", std::move(rows)}}));
    return 0;
  }
  if (list.empty()) {
    fmt::print("No dump in {}. 'pgkeel dump now' makes one.\n", tools.store->describe());
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"DUMP", "DATABASES", "ROWS", "STORED", "STATE"}};
  for (const auto& one : list) rows.push_back(row_text(one));
  fmt::print("{}", columns(rows, invocation.look.width));
  return 0;
}

}  // namespace

CommandSpec dump_list_command() {
  return {.name = "dump list",
          .summary = "show the logical dumps, and which of them are good and proven",
          .details = "A dump is proven by a drill that restored it and counted its rows.",
          .example = "pgkeel dump list --json",
          .options = {offsite_option()},
          .run = run};
}

}  // namespace pgkeel::app
