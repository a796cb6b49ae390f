// What goes on inside a server that runs: connections, transactions, slots, the archiver, the ages
// of transaction ids. Some of it must last before it is anything; the moment is when it has.
#include <fmt/format.h>

#include <stdexcept>

#include "chaos/accuracy/injector.hpp"

namespace pgkeel::chaos {
namespace {

constexpr Seconds kLasts{1};  // sense.idle_in_transaction of these trials
constexpr long kFreezeMaxAge = 100'000;
constexpr long kNamedAt = 2 * kFreezeMaxAge;
constexpr long kLeft = 500;

void use_up(Session& session, long transactions) {
  session.run(
      fmt::format("do $$ begin for i in 1..{} loop perform pg_current_xact_id();"
                  " commit; end loop; end $$",
                  transactions));
}

void switch_segment(Session& session) {
  session.run("select pg_logical_emit_message(false, '', '')");
  session.run("select pg_switch_wal()");
}

}  // namespace

void lay_few_connections(Ground& ground) { ground.set("max_connections", "20"); }

SteadyTime storm(Site& site) {
  auto conninfo = site.server().conninfo("shop");
  conninfo += " user=crowd application_name='leaky pool'";
  const auto crowd = std::make_shared<Crowd>(conninfo);
  site.keep(crowd);
  if (!test::wait_until([&] { return crowd->was_refused(); }))
    throw std::runtime_error("no login was refused");
  return SteadyClock::now();
}

SteadyTime leave_transaction_open(Site& site) {
  // Not a superuser: the guard ends nobody's work who may be mending something.
  const auto holder = std::make_shared<Session>(site.server().conninfo("shop") + " user=crowd");
  const auto waiter = std::make_shared<Session>(site.session());
  site.keep(holder);
  site.keep(waiter);
  holder->run("begin; lock table locked in access exclusive mode");
  waiter->send("select count(*) from locked");
  return SteadyClock::now() + kLasts + kBetweenLooks;
}

void lay_slot_limit(Ground& ground) { ground.set("max_slot_wal_keep_size", "1MB"); }

SteadyTime abandon_slot(Site& site) {
  auto session = site.session();
  session.run("select pg_create_physical_replication_slot('gone', true)");
  const auto lost = [&session] {
    switch_segment(session);
    session.run("checkpoint");
    return session.run("select wal_status from pg_replication_slots") == "lost";
  };
  if (!test::wait_until(lost)) throw std::runtime_error("the slot was not given up");
  return SteadyClock::now() + kBetweenLooks;
}

void lay_archiver(Ground& ground) {
  ground.set("archive_mode", "on");
  ground.set("archive_command", "true");
}

SteadyTime fail_archiving(Site& site) {
  auto session = site.session();
  session.run("alter system set archive_command = 'false'");
  session.run("select pg_reload_conf()");
  const auto failed = [&session] {
    switch_segment(session);
    return session.run("select failed_count > 0 from pg_stat_archiver") == "t";
  };
  if (!test::wait_until(failed)) throw std::runtime_error("archiving did not fail");
  return SteadyClock::now() + kLasts;
}

void lay_early_freezing(Ground& ground) {
  ground.set("autovacuum_freeze_max_age", std::to_string(kFreezeMaxAge));
  ground.set("max_prepared_transactions", "2");
}

// A prepared transaction nobody ends keeps vacuum from freezing, as it does in the world.
void use_up_transactions(Site& site) {
  auto session = site.session("postgres");
  session.run("begin; select pg_current_xact_id(); prepare transaction 'forgotten'");
  const auto age = std::stol(session.run("select max(age(datfrozenxid)) from pg_database"));
  use_up(session, kNamedAt - age - kLeft);
}

SteadyTime cross_wraparound_limit(Site& site) {
  auto session = site.session("postgres");
  const auto now = SteadyClock::now();
  const auto age = std::stol(session.run("select max(age(datfrozenxid)) from pg_database"));
  use_up(session, std::max(kNamedAt - age, 0L) + kLeft);
  return now;
}

}  // namespace pgkeel::chaos
