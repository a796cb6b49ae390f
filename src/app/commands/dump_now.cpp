// pgkeel dump now: every database by pg_dump, into the archive's store.
#include <thread>

#include <fmt/format.h>

#include "app/archive/client_programs.hpp"
#include "app/archive/dump_access.hpp"
#include "app/archive/progress.hpp"
#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "archive/catalog/layout.hpp"
#include "archive/dump/make_dump.hpp"

namespace pgkeel::app {
namespace {

constexpr int kLabelTries = 30;
constexpr Millis kLabelPause{100};

std::string progress_text(const archive::DumpProgress& progress) {
  return fmt::format("dumping {} ({} of {}): {}", progress.database, progress.number,
                     progress.total, format_size(progress.bytes));
}

Json dump_json(const archive::Dump& dump, Millis took) {
  Json databases = Json::array();
  for (const auto& database : dump.databases)
    databases.push_back({{"database", database.name},
                         {"entries", database.entries},
                         {"tables", database.rows.size()},
                         {"rows", database.rows_total()},
                         {"plain_bytes", database.object.plain_bytes},
                         {"stored_bytes", database.object.stored_bytes},
                         {"failure", database.failure}});
  return {{"dump", dump.label},    {"good", dump.good()},    {"failure", dump.failure()},
          {"client", dump.client}, {"databases", databases}, {"took_ms", took.count()}};
}

void print(const archive::Dump& dump, const ArchiveTools& tools, Millis took) {
  for (const auto& database : dump.databases)
    if (!database.failure.empty())
      fmt::print("FAILED  database {}: {}\n", database.name, database.failure);
  if (!dump.globals_failure.empty())
    fmt::print("FAILED  roles and tablespaces: {}\n", dump.globals_failure);
  if (!dump.doubt.empty()) fmt::print("FAILED  {}\n", dump.doubt);
  fmt::print("Dump {} of {} databases in {}: {} rows, {} stored in {}{}.\n", dump.label,
             dump.databases.size(), humane_duration(took), dump.rows_total(),
             format_size(dump.stored_bytes()), tools.store->describe(),
             dump.good() ? "" : ", and it is NOT GOOD; the last good one is kept");
  if (dump.good()) fmt::print("It is proven once 'pgkeel dump drill' has restored it.\n");
  else if (dump.complete())
    fmt::print("If the data shrank on purpose: 'pgkeel dump now --accept-smaller'.\n");
}

// Labels are seconds: a second run within one waits for the next.
Result<std::string> fresh_label(archive::Store& store) {
  for (int attempt = 0; attempt < kLabelTries; ++attempt) {
    auto label = archive::time_label(wall_now());
    TRY(used, store.list(archive::dump_prefix(label)));
    if (used.empty()) return label;
    std::this_thread::sleep_for(kLabelPause);
  }
  return fail(ErrorCode::Refused, "the clock stands still: no new label for a dump");
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  const auto lock = lock_job(config, "dump");
  if (!lock) return fail(lock.error());
  TRY(tools, open_archive(config));
  TRY(access, claim_for_dumps(tools));
  const StopOnSignal stop;
  TRY(chosen,
      choose_client_programs(
          config, {.major = access.major(), .job = "dump", .server = access.server.conninfo}));
  ProgressLine line;
  const auto began = SteadyClock::now();
  archive::DumpRequest request;
  request.server = access.server;
  request.facts = access.facts;
  request.programs = chosen.programs;
  request.store = tools.store.get();
  request.encoding = tools.encoding(1);
  request.keys = &tools.keys;
  TRY(label, fresh_label(*tools.store));
  request.label = label;
  request.shrunken =
      invocation.has("--accept-smaller") ? archive::Shrunken::Accept : archive::Shrunken::Doubt;
  request.made_by = "pgkeel " PGKEEL_VERSION;
  request.stop = stop.token();
  request.tell = [&](const archive::DumpProgress& progress) { line.show(progress_text(progress)); };
  TRY(dump, archive::make_dump(request));
  const auto took = std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
  if (invocation.global.json) fmt::print("{}", to_line(dump_json(dump, took)));
  else print(dump, tools, took);
  return dump.good() ? 0 : 1;
}

}  // namespace

CommandSpec dump_now_command() {
  return {.name = "dump now",
          .summary = "dump every database with pg_dump",
          .details =
              "Needs no more than a connection that may read the tables, and a pg_dump at least as "
              "new as the server. Each dump is read back from the store, listed by pg_restore and "
              "compared with the rows counted in its own snapshot; one that is empty, lacks a "
              "table, or holds less than half of the last good one is a failure and replaces "
              "nothing.",
          .example = "pgkeel dump now",
          .options = {{.names = "--accept-smaller",
                       .help = "the data shrank on purpose: do not compare with the last dump"}},
          .run = run};
}

}  // namespace pgkeel::app
