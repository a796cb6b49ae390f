// pgkeel dump restore: one database of a dump, under a new name in the running server.
#include <ranges>

#include <fmt/format.h>

#include "app/archive/client_programs.hpp"
#include "app/archive/dump_access.hpp"
#include "app/archive/progress.hpp"
#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "archive/dump/dump_restore.hpp"
#include "base/log.hpp"

namespace pgkeel::app {
namespace {

// The newest dump that holds the database and is not doubted, unless one was asked for.
Result<archive::Dump> choose(const ArchiveTools& tools, const std::string& database,
                             const std::optional<std::string>& label) {
  if (label) {
    TRY(dump, archive::find_dump(*tools.store, *label));
    if (dump.find(database) != nullptr) return dump;
    return fail(ErrorCode::NotFound, fmt::format("dump {} has no database {}", *label, database));
  }
  TRY(dumps, archive::list_dumps(*tools.store));
  for (auto& dump : std::views::reverse(dumps)) {
    const auto* const found = dump.find(database);
    if (found != nullptr && found->stored() && found->failure.empty()) return std::move(dump);
  }
  return fail(Error(ErrorCode::NotFound, fmt::format("no good dump of database {} in {}", database,
                                                     tools.store->describe()))
                  .with_hint("'pgkeel dump list' shows what there is."));
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  const auto lock = lock_job(config, "dump-restore");
  if (!lock) return fail(lock.error());
  TRY(tools, open_archive(config, which_store(invocation)));
  const auto database = *invocation.value("--database");
  TRY(dump, choose(tools, database, invocation.value("--dump")));
  const auto* const found = dump.find(database);
  TRY(access, find_dump_access(config));
  const StopOnSignal stop;
  TRY(chosen, choose_client_programs(config, {.major = std::max(dump.client_major, access.major()),
                                              .job = "dump-restore",
                                              .server = access.server.conninfo}));
  ProgressLine line;
  const auto began = SteadyClock::now();
  const auto took = [&] { return std::chrono::duration_cast<Millis>(SteadyClock::now() - began); };
  if (!found->failure.empty())
    log_warning("this dump is doubted", {{"dump", dump.label}, {"why", found->failure}});
  const auto as = *invocation.value("--as");
  TRY(restored,
      archive::restore_dump(
          {.store = tools.store.get(),
           .keys = &tools.keys,
           .database = found,
           .programs = chosen.programs,
           .server = access.server,
           .as = as,
           .owners = invocation.has("--no-owner") ? archive::Owners::Leave : archive::Owners::Keep,
           .stop = stop.token(),
           .tell = [&](std::uint64_t bytes) {
             line.show("restoring " + amount_text(bytes, found->object.plain_bytes, took()));
           }}));
  if (invocation.global.json)
    fmt::print("{}", to_line({{"dump", dump.label},
                              {"database", as},
                              {"tables", restored.rows.size()},
                              {"rows", restored.rows},
                              {"took_ms", took().count()}}));
  else
    fmt::print("Restored {} of dump {} as database {} in {}: {} tables, {} rows as dumped.\n",
               database, dump.label, as, humane_duration(took()), restored.rows.size(),
               found->rows_total());
  return 0;
}

}  // namespace

CommandSpec dump_restore_command() {
  return {.name = "dump restore",
          .summary = "bring a dumped database back under a new name",
          .details =
              "Into the running server, never over a database that exists. It gets its name when "
              "it is whole and its rows were counted equal to the dump's; then rename it as you "
              "like. Subscriptions and tablespaces are left out.",
          .example = "pgkeel dump restore --database shop --as shop_restored",
          .options = {offsite_option(),
                      {.names = "--database",
                       .value = "NAME",
                       .help = "the database as it was called in the dump",
                       .given = OptionSpec::Given::Required},
                      {.names = "--as",
                       .value = "NEW",
                       .help = "its new name",
                       .given = OptionSpec::Given::Required},
                      {.names = "--dump", .value = "ID", .help = "a dump; the newest good one"},
                      {.names = "--no-owner",
                       .help = "everything belongs to the connecting role, without grants"}},
          .run = run};
}

}  // namespace pgkeel::app
