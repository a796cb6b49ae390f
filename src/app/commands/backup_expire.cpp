// pgkeel backup expire: what retention removes, shown first.
#include <fmt/format.h>

#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "archive/base_backup/leftovers.hpp"
#include "archive/catalog/lease.hpp"
#include "archive/catalog/marker.hpp"
#include "archive/receive/server.hpp"
#include "archive/retention/expiry.hpp"
#include "base/log.hpp"

namespace pgkeel::app {
namespace {

// A backup that was interrupted may still be running on a slow line for so long.
constexpr Millis kLeftoverAge{24 * 3'600'000};

struct Plan {
  archive::Expiry expiry;
  std::vector<std::string> incomplete;
  std::vector<archive::ObjectInfo> abandoned;
};

Result<archive::RetentionPolicy> retention_of(const Invocation& invocation, const Config& config) {
  const auto& archive = config.archive;
  TRY(count, down_to(invocation));
  if (count) return archive::RetentionPolicy{Millis(0), *count};
  const bool offsite = which_store(invocation) == Which::Offsite;
  return archive::RetentionPolicy{offsite ? archive.offsite_keep : archive.keep, archive.keep_full};
}

Result<Plan> make_plan(const ArchiveTools& tools, const archive::RetentionPolicy& retention) {
  Plan plan;
  auto& store = *tools.store;
  TRY(marker, archive::read_marker(store));
  if (!marker) return fail(ErrorCode::NotFound, store.describe() + " holds no archive");
  TRY(backups, archive::list_standings(store));
  TRY(wal, archive::WalIndex::read(store, marker->wal_segment_bytes));
  plan.expiry = archive::plan_expiry(backups, wal, retention, wall_now());
  TRY(incomplete, archive::incomplete_backups(store, kLeftoverAge, wall_now()));
  plan.incomplete = std::move(incomplete);
  TRY(abandoned, store.abandoned(kLeftoverAge));
  plan.abandoned = std::move(abandoned);
  return plan;
}

// Only the machine whose archive this is may remove from it.
Result<void> hold_lease(const ArchiveTools& tools) {
  TRY(server, find_server_target(tools.config));
  TRY(session,
      client::ReplicationSession::open(server.conninfo, {.connect_as = server.connect_as}));
  TRY(identity, archive::identify(session));
  TRY(marker, archive::read_marker(*tools.store));
  if (marker && marker->system_id != identity.system_id)
    return fail(ErrorCode::WrongIdentity,
                tools.store->describe() + " is another cluster's archive");
  TRY(writer, archive::Writer::open(tools.config.state_dir));
  return writer.renew(*tools.store, [&session]() -> Result<archive::ServerPosition> {
    TRY(now, archive::identify(session));
    return archive::ServerPosition{now.timeline, now.flushed};
  });
}

Result<void> remove(const ArchiveTools& tools, const Plan& plan) {
  TRY_VOID(archive::carry_out(*tools.store, plan.expiry, [](const std::string& what) {
    log_info("removing from the archive", {{"what", what}});
  }));
  for (const auto& label : plan.incomplete)
    TRY_VOID(archive::remove_incomplete_backup(*tools.store, label));
  for (const auto& leftover : plan.abandoned) TRY_VOID(tools.store->remove_abandoned(leftover));
  return {};
}

void print(const Plan& plan, bool done) {
  for (const auto& backup : plan.expiry.backups)
    fmt::print("{:8} {}  {}\n", backup.remove ? (done ? "removed" : "remove") : "keep",
               backup.label, backup.reason);
  for (const auto& label : plan.incomplete)
    fmt::print("{:8} {}  never completed\n", done ? "removed" : "remove", label);
  fmt::print("{} WAL segments and {} in all {}.\n", plan.expiry.wal.size(),
             format_size(plan.expiry.bytes()), done ? "were removed" : "would be removed");
  if (!done) fmt::print("Nothing was removed: add --yes to do it.\n");
}

Json to_json(const Plan& plan, bool done) {
  Json rows = Json::array();
  for (const auto& backup : plan.expiry.backups)
    rows.push_back({{"backup", backup.label},
                    {"remove", backup.remove},
                    {"reason", backup.reason},
                    {"bytes", backup.bytes}});
  return {{"done", done},
          {"backups", std::move(rows)},
          {"incomplete", plan.incomplete},
          {"wal_segments", plan.expiry.wal.size()},
          {"bytes", plan.expiry.bytes()}};
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  const bool act = invocation.has("--yes") && !invocation.has("--dry-run");
  const auto lock = lock_job(config, "backup");
  if (!lock) return fail(lock.error());
  TRY(tools, open_archive(config, which_store(invocation)));
  TRY(retention, retention_of(invocation, config));
  TRY(plan, make_plan(tools, retention));
  if (act) {
    TRY_VOID(hold_lease(tools));
    TRY_VOID(remove(tools, plan));
  }
  if (invocation.global.json) fmt::print("{}", to_line(to_json(plan, act)));
  else print(plan, act);
  return 0;
}

}  // namespace

CommandSpec backup_expire_command() {
  return {.name = "backup expire",
          .summary = "remove what retention no longer asks for",
          .details =
              "Shows what would go and why the rest stays; removes only with --yes. A backup goes "
              "only when a newer one was proven by a drill; what archive.keep, archive.keep_full "
              "or a pin asks for stays, with its WAL. --down-to asks for less: moments before the "
              "newest proven backup can then only be restored at the end of a backup.",
          .example = "pgkeel backup expire --yes",
          .options = {offsite_option(),
                      down_to_option(),
                      {.names = "--yes", .help = "remove it"},
                      {.names = "--dry-run", .help = "only show it, whatever else is given"}},
          .run = run};
}

}  // namespace pgkeel::app
