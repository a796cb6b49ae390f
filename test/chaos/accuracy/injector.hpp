// The faults of the contract, each injected as the world does it into a server under a guard, and
// the moment from which a guard can know. One line of the table in injectors.cpp names a fault, one
// function in one of the files beside it does it.
#pragma once

#include <span>
#include <string_view>

#include "base/time.hpp"
#include "chaos/accuracy/site.hpp"

namespace pgkeel::chaos {

/// What a fault leaves behind; of a pair the lesser one comes first.
enum class Leaves {
  ServerServing,
  NoConnections,  ///< it serves, but lets nobody in any more
  ServerDown,
  GuardGone,
};

/// What the machine must have.
enum class Needs { Nothing, Mounts, MemoryLimit, Gateway };

struct Injector {
  std::string_view fault;     ///< of the contract
  std::string_view injected;  ///< what is done, in words
  std::string_view evidence;  ///< the moment that is counted from
  Leaves leaves = Leaves::ServerServing;
  Needs needs = Needs::Nothing;
  void (*lay)(Ground& ground) = nullptr;  ///< settings and disks
  void (*prepare)(Site& site) = nullptr;  ///< the server runs, the guard not yet
  /// Does it and gives the moment its evidence exists; that may be a little ahead.
  SteadyTime (*inject)(Site& site) = nullptr;
  /// What the cause must be named of; empty: it has no subject that could be another.
  std::string_view subject = {};
  void (*furnish)(Site& site) = nullptr;  ///< what the server has before its backup is made

  [[nodiscard]] bool is_named_by(const Named& named) const {
    return named.cause == fault && (subject.empty() || named.subject == subject);
  }
};

[[nodiscard]] std::span<const Injector> injectors();
/// Null when there is none of that name.
[[nodiscard]] const Injector* injector_named(std::string_view fault);

/// How often the guard of these trials looks at what goes on inside the server; what must be seen
/// twice cannot be named sooner.
inline constexpr Millis kBetweenLooks{500};

// One file a group: processes, files, disks, objects, activity.
SteadyTime kill_server(Site& site);
SteadyTime hang_server(Site& site);
SteadyTime reuse_pid(Site& site);
SteadyTime take_port(Site& site);
SteadyTime run_out_of_memory(Site& site);
SteadyTime kill_guard(Site& site);

SteadyTime lose_volume(Site& site);
SteadyTime put_stranger(Site& site);
SteadyTime lose_control_file(Site& site);
SteadyTime break_config(Site& site);

void lay_data_volume(Ground& ground);
void lay_roomy_volume(Ground& ground);
SteadyTime unmount_data(Site& site);
SteadyTime fill_wal_disk(Site& site);
void lay_disk(Ground& ground);
void make_tablespace(Site& site);
SteadyTime fill_disk(Site& site);
void damage_heap(Site& site);
SteadyTime read_heap(Site& site);
void damage_index(Site& site);
SteadyTime read_index(Site& site);

SteadyTime drop_table(Site& site);
SteadyTime truncate_table(Site& site);
SteadyTime delete_rows(Site& site);
SteadyTime drop_schema(Site& site);
SteadyTime drop_database(Site& site);

void lay_few_connections(Ground& ground);
SteadyTime storm(Site& site);
SteadyTime leave_transaction_open(Site& site);
void lay_slot_limit(Ground& ground);
SteadyTime abandon_slot(Site& site);
void lay_archiver(Ground& ground);
SteadyTime fail_archiving(Site& site);
void lay_early_freezing(Ground& ground);
void use_up_transactions(Site& site);
SteadyTime cross_wraparound_limit(Site& site);

}  // namespace pgkeel::chaos
