// See make_dump.hpp.
#include "archive/dump/make_dump.hpp"

#include <ranges>

#include <fmt/format.h>

#include "archive/by_hand/by_hand.hpp"
#include "archive/dump/judge.hpp"

namespace pgkeel::archive {
namespace {

Result<void> dump_globals(const DumpRequest& request, Dump& dump) {
  auto spec = client_process(request.programs, "pg_dumpall", request.server,
                             request.server.conninfo.database);
  spec.argv.emplace_back("--globals-only");
  // Their hashes are in a table that only a superuser reads.
  if (!request.facts.superuser) spec.argv.emplace_back("--no-role-passwords");
  auto stored = store_output(request, "pg_dumpall", spec, globals_key(request.label), {});
  if (stored) dump.globals = *std::move(stored);
  else if (stored.error().code == ErrorCode::Cancelled) return fail(stored.error());
  else dump.globals_failure = stored.error().message();
  return {};
}

void doubt_shrunken(const DumpRequest& request, const std::vector<Dump>& earlier, Dump& dump) {
  if (request.shrunken == Shrunken::Accept) return;
  for (auto& database : dump.databases) {
    const auto* const before = last_good(earlier, database.name);
    if (before == nullptr || !database.failure.empty()) continue;
    if (const auto why = shrinkage(database, *before)) database.failure = *why;
  }
}

// What was there last time is not left out in silence.
void doubt_vanished(const DumpRequest& request, const std::vector<Dump>& earlier, Dump& dump) {
  if (request.shrunken == Shrunken::Accept) return;
  for (const auto& before : std::views::reverse(earlier)) {
    if (!before.good()) continue;
    dump.doubt = vanished(dump, before).value_or("");
    return;
  }
}

Result<void> refuse_used_label(const DumpRequest& request) {
  TRY(there, request.store->list(dump_prefix(request.label)));
  if (there.empty()) return {};
  return fail(Error(ErrorCode::Refused, fmt::format("there is a dump {} already", request.label))
                  .with_hint("Try again in a second."));
}

}  // namespace

Result<Dump> make_dump(const DumpRequest& request) {
  TRY_VOID(refuse_used_label(request));
  TRY(earlier, list_dumps(*request.store));
  TRY_VOID(write_by_hand(*request.store));
  Dump dump;
  dump.label = request.label;
  dump.system_id = request.facts.marker.system_id;
  dump.server_version_num = request.facts.version_num;
  dump.client = request.programs.version;
  dump.client_major = request.programs.major;
  dump.made_by = request.made_by;
  dump.started_at = wall_now();
  TRY_VOID(dump_globals(request, dump));
  for (std::size_t i = 0; i < request.facts.databases.size(); ++i) {
    TRY(database, dump_database(request, request.facts.databases[i], i));
    dump.databases.push_back(std::move(database));
  }
  doubt_shrunken(request, earlier, dump);
  doubt_vanished(request, earlier, dump);
  dump.ended_at = wall_now();
  TRY_VOID(
      write_object(*request.store, dump_record_key(dump.label), to_json(dump), Replace::Never));
  return dump;
}

}  // namespace pgkeel::archive
