// The faults of the contract, each injected as the world does it into a server under a guard, and
// the moment from which a guard can know. One line of the table in injectors.cpp names a fault, one
// function in one of the files beside it does it.
#pragma once

#include <span>
#include <string_view>

#include "base/time.hpp"
#include "chaos/accuracy/advised_server.hpp"

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
  void (*lay)(Ground& ground) = nullptr;              ///< settings and disks
  void (*prepare)(AdvisedServer& advised) = nullptr;  ///< the server runs, the guard not yet
  /// Does it and gives the moment its evidence exists; that may be a little ahead.
  SteadyTime (*inject)(AdvisedServer& advised) = nullptr;
  /// What the cause must be named of; empty: it has no subject that could be another.
  std::string_view subject = {};

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
SteadyTime kill_server(AdvisedServer& advised);
SteadyTime hang_server(AdvisedServer& advised);
SteadyTime reuse_pid(AdvisedServer& advised);
SteadyTime take_port(AdvisedServer& advised);
SteadyTime run_out_of_memory(AdvisedServer& advised);
SteadyTime kill_guard(AdvisedServer& advised);

SteadyTime lose_volume(AdvisedServer& advised);
SteadyTime put_stranger(AdvisedServer& advised);
SteadyTime lose_control_file(AdvisedServer& advised);
SteadyTime break_config(AdvisedServer& advised);

void lay_data_volume(Ground& ground);
SteadyTime unmount_data(AdvisedServer& advised);
SteadyTime fill_wal_disk(AdvisedServer& advised);
void lay_disk(Ground& ground);
void make_tablespace(AdvisedServer& advised);
SteadyTime fill_disk(AdvisedServer& advised);
void damage_heap(AdvisedServer& advised);
SteadyTime read_heap(AdvisedServer& advised);
void damage_index(AdvisedServer& advised);
SteadyTime read_index(AdvisedServer& advised);

SteadyTime drop_table(AdvisedServer& advised);
SteadyTime truncate_table(AdvisedServer& advised);
SteadyTime delete_rows(AdvisedServer& advised);
SteadyTime drop_schema(AdvisedServer& advised);
SteadyTime drop_database(AdvisedServer& advised);

void lay_few_connections(Ground& ground);
SteadyTime storm(AdvisedServer& advised);
SteadyTime leave_transaction_open(AdvisedServer& advised);
void lay_slot_limit(Ground& ground);
SteadyTime abandon_slot(AdvisedServer& advised);
void lay_archiver(Ground& ground);
SteadyTime fail_archiving(AdvisedServer& advised);
void lay_early_freezing(Ground& ground);
void use_up_transactions(AdvisedServer& advised);
SteadyTime cross_wraparound_limit(AdvisedServer& advised);

}  // namespace pgkeel::chaos
