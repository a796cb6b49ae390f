// The table of injectors: one line a fault of the contract, in its order.
#include <algorithm>
#include <array>

#include "chaos/accuracy/injector.hpp"

namespace pgkeel::chaos {
namespace {

using enum Leaves;
using enum Needs;

constexpr auto kInjectors = std::to_array<Injector>({
    {"server_killed", "kill -9 of the server's main process", "the process is killed", ServerDown,
     Nothing, nullptr, nullptr, kill_server},
    {"server_hung", "SIGSTOP to the server's main process",
     "a login begun then has had no answer for sense.timeout (2 s)", ServerDown, Nothing, nullptr,
     nullptr, hang_server},
    {"connection_storm", "an application opens connections until no more are given, and goes on",
     "the first refused login", NoConnections, Nothing, lay_few_connections, nullptr, storm},
    {"table_dropped", "DROP TABLE", "its commit", ServerServing, Nothing, nullptr, nullptr,
     drop_table, "shop.public.orders"},
    {"table_truncated", "TRUNCATE of a table with 50,000 rows", "its commit", ServerServing,
     Nothing, nullptr, nullptr, truncate_table, "shop.public.baskets"},
    {"mass_delete", "DELETE of all of 50,000 rows", "its commit", ServerServing, Nothing, nullptr,
     nullptr, delete_rows, "shop.public.visits"},
    {"schema_dropped", "DROP SCHEMA ... CASCADE with two tables in it", "its commit", ServerServing,
     Nothing, nullptr, nullptr, drop_schema, "shop.billing"},
    {"database_dropped", "DROP DATABASE", "its commit", ServerServing, Nothing, nullptr, nullptr,
     drop_database, "crm"},
    {"volume_lost", "the data directory is moved away and the server killed",
     "the process is killed", ServerDown, Nothing, nullptr, nullptr, lose_volume},
    {"disk_full",
     "a table grows until the disk of its tablespace has no room",
     "the statement that is refused (ENOSPC in the log)",
     ServerServing,
     Mounts,
     lay_disk,
     nullptr,
     fill_disk,
     {},
     make_tablespace},
    {"wal_disk_full", "the disk of data and WAL is filled up and WAL written",
     "the statement in which the server panics", ServerDown, Mounts, lay_data_volume, nullptr,
     fill_wal_disk},
    {"stale_pid", "the server is killed and its pid belongs to another program by now",
     "the process is killed", ServerDown, Nothing, nullptr, nullptr, reuse_pid},
    {"heap_corrupted", "the header of a table's page is overwritten on the disk",
     "the first statement that reads it", ServerServing, Nothing, nullptr, damage_heap, read_heap},
    {"index_corrupted", "a page of an index is overwritten with zeros on the disk",
     "the first statement that reads it", ServerServing, Nothing, nullptr, damage_index,
     read_index},
    {"control_file_lost", "pg_control is removed and the server killed", "the process is killed",
     ServerDown, Nothing, nullptr, nullptr, lose_control_file},
    {"oom_killed", "a session asks for more memory than the server's control group has",
     "the kernel kills the main process", ServerDown, MemoryLimit, nullptr, nullptr,
     run_out_of_memory},
    {"config_broken", "a typo in postgresql.conf and the server killed", "the process is killed",
     ServerDown, Nothing, nullptr, nullptr, break_config},
    {"wrong_identity", "another cluster in the data directory's place and the server killed",
     "the process is killed", ServerDown, Nothing, nullptr, nullptr, put_stranger},
    {"mount_missing", "the file system of the data is unmounted and the server killed",
     "the process is killed", ServerDown, Mounts, lay_roomy_volume, nullptr, unmount_data},
    {"port_taken", "the server is killed, another program takes its port, it is started",
     "the start that fails for it", ServerDown, Nothing, nullptr, nullptr, take_port},
    {"archive_failing", "the server's archive_command fails",
     "it has failed for what sense.idle_in_transaction allows (1 s here)", ServerServing, Nothing,
     lay_archiver, nullptr, fail_archiving},
    {"slot_abandoned", "a replication slot nobody reads, past max_slot_wal_keep_size",
     "the server says that it has lost WAL, at two looks (0.5 s apart here)", ServerServing,
     Nothing, lay_slot_limit, nullptr, abandon_slot},
    {"idle_in_transaction", "a session locks a table and does nothing more; another waits for it",
     "it has waited for sense.idle_in_transaction (1 s here), at two looks (0.5 s apart here)",
     ServerServing, Nothing, nullptr, nullptr, leave_transaction_open},
    {"wraparound_near", "200,000 transactions behind a prepared one that nobody ends",
     "twice autovacuum_freeze_max_age (100,000 here) is passed", ServerServing, Nothing,
     lay_early_freezing, use_up_transactions, cross_wraparound_limit},
    {"guard_killed", "kill -9 of the guard, which is started again", "the next guard is started",
     GuardGone, Nothing, nullptr, nullptr, kill_guard},
    {"gateway_killed", "kill -9 of the gateway", "the process is killed", ServerServing, Gateway,
     nullptr, nullptr, nullptr},
});

}  // namespace

std::span<const Injector> injectors() { return kInjectors; }

const Injector* injector_named(std::string_view fault) {
  const auto* found = std::ranges::find(kInjectors, fault, &Injector::fault);
  return found == kInjectors.end() ? nullptr : found;
}

}  // namespace pgkeel::chaos
