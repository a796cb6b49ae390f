// pgkeel dump expire: which dumps retention removes, shown first.
#include <fmt/format.h>

#include "app/archive/dump_access.hpp"
#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "archive/dump/retention.hpp"
#include "base/log.hpp"

namespace pgkeel::app {
namespace {

// A dump that was interrupted may still be running on a slow line for so long.
constexpr Millis kLeftoverAge{24 * 3'600'000};

Result<archive::DumpRetention> retention_of(const Invocation& invocation, const Config& config) {
  const auto& archive = config.archive;
  const bool offsite = which_store(invocation) == Which::Offsite;
  archive::DumpRetention retention{offsite ? archive.offsite_keep : archive.dump_keep,
                                   archive.dump_keep_count};
  TRY(count, down_to(invocation));
  if (count) retention = {Millis(0), *count};
  return retention;
}

void print(const archive::DumpExpiry& plan, bool done) {
  const char* const verb = done ? "removed" : "remove";
  for (const auto& dump : plan.dumps)
    fmt::print("{:8} {}  {}\n", dump.remove ? verb : "keep", dump.label, dump.reason);
  for (const auto& label : plan.incomplete) fmt::print("{:8} {}  never completed\n", verb, label);
  fmt::print("{} in all {}.\n", format_size(plan.bytes()),
             done ? "were removed" : "would be removed");
  if (!done) fmt::print("Nothing was removed: add --yes to do it.\n");
}

Json to_json(const archive::DumpExpiry& plan, bool done) {
  Json rows = Json::array();
  for (const auto& dump : plan.dumps)
    rows.push_back({{"dump", dump.label},
                    {"remove", dump.remove},
                    {"reason", dump.reason},
                    {"bytes", dump.bytes}});
  return {{"done", done},
          {"dumps", std::move(rows)},
          {"incomplete", plan.incomplete},
          {"bytes", plan.bytes()}};
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  const bool act = invocation.has("--yes") && !invocation.has("--dry-run");
  const auto lock = lock_job(config, "dump");
  if (!lock) return fail(lock.error());
  TRY(tools, open_archive(config, which_store(invocation)));
  TRY(retention, retention_of(invocation, config));
  TRY(dumps, archive::list_dump_standings(*tools.store));
  auto plan = archive::plan_dump_expiry(dumps, retention, wall_now());
  TRY(incomplete, archive::incomplete_dumps(*tools.store, kLeftoverAge, wall_now()));
  plan.incomplete = incomplete;
  if (act) {
    TRY_VOID(claim_for_dumps(tools));
    TRY_VOID(archive::carry_out(*tools.store, plan, [](const std::string& what) {
      log_info("removing from the archive", {{"what", what}});
    }));
  }
  if (invocation.global.json) fmt::print("{}", to_line(to_json(plan, act)));
  else print(plan, act);
  return 0;
}

}  // namespace

CommandSpec dump_expire_command() {
  return {.name = "dump expire",
          .summary = "remove dumps that retention no longer asks for",
          .details =
              "Shows what would go and why the rest stays; removes only with --yes. A good dump "
              "goes only when a newer one was proven by a drill, and the last good one never.",
          .example = "pgkeel dump expire --down-to 3 --yes",
          .options = {offsite_option(),
                      down_to_option(),
                      {.names = "--yes", .help = "remove it"},
                      {.names = "--dry-run", .help = "only show it, whatever else is given"}},
          .run = run};
}

}  // namespace pgkeel::app
