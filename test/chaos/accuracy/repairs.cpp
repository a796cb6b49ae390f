// See repairs.hpp.
#include "chaos/accuracy/repairs.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "support/wait.hpp"

namespace pgkeel::chaos {
namespace {

using enum Ends;

void end_whoever_is_in_the_way(Site& site) { site.end_held(); }

void bring_baskets_back(Site& site) {
  site.run_pgkeel({"undrop", "shop.public.baskets", "--merge"});
}

void bring_visits_back(Site& site) { site.run_pgkeel({"undrop", "shop.public.visits", "--merge"}); }

void bring_billing_back(Site& site) {
  site.session("shop").run("create schema billing");
  site.run_pgkeel({"undrop", "shop.billing.invoices"});
  site.run_pgkeel({"undrop", "shop.billing.payments"});
}

void grow_disk(Site& site) {
  if (!site.ground().disk()->grow("64m")) throw std::runtime_error("the disk could not be grown");
}

void mount_data(Site& site) {
  if (!site.ground().data_volume()->attach())
    throw std::runtime_error("the file system could not be mounted again");
}

void mend_archive_command(Site& site) {
  auto session = site.session();
  session.run("alter system reset archive_command");
  session.run("select pg_reload_conf()");
}

void drop_slot(Site& site) { site.session().run("select pg_drop_replication_slot('gone')"); }

void have_it_tried_again(Site& site) { site.run_pgkeel({"resume"}); }

// As the incident of the drop says it.
void say_it_was_meant(Site& site, std::string_view table) {
  std::string subject;
  const auto named = [&] {
    for (const auto& one : site.incidents())
      if (one.cause == "table_dropped" && one.subject.starts_with(table)) subject = one.subject;
    return !subject.empty();
  };
  if (!test::wait_until(named)) throw std::runtime_error("the drop was not named");
  site.run_pgkeel({"undrop", "forget", subject});
}

// The statement the incident hands over, and what is left is thrown away.
void swap_in_copy(Site& site) {
  auto session = site.session("shop");
  const auto copy = session.run(
      "select relname from pg_class where relname ~ '^flipped_pgkeel' and relkind = 'r'");
  session.run(
      "begin; lock table flipped; alter table flipped rename to flipped_damaged; alter table " +
      copy + " rename to flipped; commit");
  session.run("drop table flipped_damaged");
  say_it_was_meant(site, "shop.public.flipped");
  if (session.run("select count(v) from flipped") != "2000")
    throw std::runtime_error("the copy is not whole");
}

void end_prepared(Site& site) {
  site.session("postgres").run("rollback prepared 'forgotten'");
  for (const auto* database : {"postgres", "shop", "crm", "template1"})
    site.session(database).run("vacuum (freeze)");
}

constexpr auto kRepairs = std::to_array<Repair>({
    {"server_killed"},
    {"server_hung"},
    {"connection_storm", Either, "ends the application", end_whoever_is_in_the_way},
    {"table_dropped"},
    {"table_truncated", LeftToHuman, "`pgkeel undrop shop.public.baskets --merge`",
     bring_baskets_back},
    {"mass_delete", LeftToHuman, "`pgkeel undrop shop.public.visits --merge`", bring_visits_back},
    {"schema_dropped", LeftToHuman, "`CREATE SCHEMA`, then `pgkeel undrop` of each table",
     bring_billing_back},
    {"database_dropped"},
    {"volume_lost"},
    {"disk_full", LeftToHuman, "makes the disk larger", grow_disk},
    {"wal_disk_full"},
    {"stale_pid"},
    {"heap_corrupted", LeftToHuman,
     "swaps the restored copy in, drops the damaged one and says `pgkeel undrop forget`",
     swap_in_copy, true},
    {"index_corrupted", Repaired, "`pgkeel resume`, once nobody is in its way",
     have_it_tried_again},
    {"control_file_lost"},
    {"oom_killed"},
    {"config_broken"},
    {"wrong_identity"},
    {"mount_missing", LeftToHuman, "mounts the file system", mount_data},
    {"port_taken", LeftToHuman, "ends the other program", end_whoever_is_in_the_way},
    {"archive_failing", LeftToHuman, "mends `archive_command`", mend_archive_command},
    {"slot_abandoned", LeftToHuman, "drops the slot", drop_slot},
    {"idle_in_transaction"},
    {"wraparound_near", LeftToHuman, "`ROLLBACK PREPARED`, then `VACUUM (FREEZE)`", end_prepared},
    {"guard_killed"},
    {"gateway_killed"},
});

}  // namespace

std::span<const Repair> repairs() { return kRepairs; }

const Repair& repair_of(std::string_view fault) {
  const auto* found = std::ranges::find(kRepairs, fault, &Repair::fault);
  if (found == kRepairs.end()) throw std::runtime_error("no repair of " + std::string(fault));
  return *found;
}

}  // namespace pgkeel::chaos
