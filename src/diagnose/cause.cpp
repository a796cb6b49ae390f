// The table of causes. One row a cause; order is that of the enumeration.
#include "diagnose/finding.hpp"

namespace pgkeel::diagnose {
namespace {

using incident::Severity;

constexpr auto kCauses = std::to_array<CauseInfo>({
    {Cause::StoppedByOperator, "stopped_by_operator", 10, Severity::Info,
     "the server was stopped on purpose"},
    {Cause::ServerRecovering, "server_recovering", 5, Severity::Warning,
     "the server is starting and replays its WAL"},
    {Cause::LoginFailing, "login_failing", 5, Severity::Critical,
     "the server runs but refuses logins"},
    {Cause::ServerKilled, "server_killed", 20, Severity::Critical,
     "the server's main process died without a shutdown"},
    {Cause::ServerHung, "server_hung", 20, Severity::Critical,
     "the server is alive but answers nobody"},
    {Cause::StalePid, "stale_pid", 30, Severity::Critical,
     "a lock file of a dead server stands in the way"},
    {Cause::PortTaken, "port_taken", 40, Severity::Critical,
     "another program listens on the server's port"},
    {Cause::ConfigBroken, "config_broken", 40, Severity::Critical,
     "the server refuses its configuration"},
    {Cause::ServerStartFailed, "server_start_failed", 25, Severity::Critical,
     "the server ends again as soon as it is started"},
    {Cause::ControlFileLost, "control_file_lost", 50, Severity::Critical,
     "the control file cannot be read"},
    {Cause::MountMissing, "mount_missing", 60, Severity::Critical,
     "the file system that holds the data is not mounted"},
    {Cause::VolumeLost, "volume_lost", 50, Severity::Critical, "the data directory is gone"},
    {Cause::WrongIdentity, "wrong_identity", 60, Severity::Critical,
     "the data directory belongs to another cluster"},
    {Cause::DatabaseMissing, "database_missing", 20, Severity::Warning,
     "a database that must exist was never created"},
    {Cause::DatabaseDropped, "database_dropped", 30, Severity::Critical,
     "a database that existed is gone"},
    {Cause::TableDropped, "table_dropped", 20, Severity::Critical, "a table that existed is gone"},
    {Cause::ServerUnreachable, "server_unreachable", 20, Severity::Critical,
     "no login to the remote server succeeds"},
    {Cause::LimitNear, "limit_near", 5, Severity::Warning, "a limit of the plan is nearly used up"},
    {Cause::LimitReached, "limit_reached", 10, Severity::Critical,
     "a limit of the plan is used up"},
    {Cause::ContainerMissing, "container_missing", 45, Severity::Critical,
     "the server's container is gone"},
    {Cause::ContainerPaused, "container_paused", 65, Severity::Warning,
     "the server's container is paused"},
    {Cause::EngineUnreachable, "engine_unreachable", 45, Severity::Critical,
     "the server is down and the container engine does not answer"},
    {Cause::OomKilled, "oom_killed", 22, Severity::Critical,
     "the kernel killed the server for want of memory"},
    {Cause::TwoServers, "two_servers", 70, Severity::Critical,
     "two servers write to one data directory"},
    {Cause::FreshCluster, "fresh_cluster", 65, Severity::Critical,
     "a new cluster was initialised over the known one"},
    {Cause::WrongMajor, "wrong_major", 55, Severity::Critical,
     "the server's programs are of another major version than its data"},
    {Cause::ReadOnlyFilesystem, "read_only_filesystem", 58, Severity::Critical,
     "the file system of the data is mounted read-only"},
    {Cause::ContainerRenamed, "container_renamed", 46, Severity::Critical,
     "the server's container has another name now"},
    {Cause::WrongPermissions, "wrong_permissions", 52, Severity::Critical,
     "owner or mode of the data directory is not what the server accepts"},
    {Cause::ArchiveFailing, "archive_failing", 5, Severity::Warning,
     "the archive does not get, or does not prove, what a restore would need"},
    {Cause::CommitsUnprotected, "commits_unprotected", 8, Severity::Critical,
     "commits are acknowledged before the archive has them"},
    {Cause::ConnectionStorm, "connection_storm", 6, Severity::Critical,
     "the server's connections are used up"},
    {Cause::IdleInTransaction, "idle_in_transaction", 5, Severity::Warning,
     "a session that does nothing holds a transaction open and others up"},
    {Cause::SlotAbandoned, "slot_abandoned", 5, Severity::Warning,
     "a replication slot that nobody reads keeps WAL"},
    {Cause::WraparoundNear, "wraparound_near", 6, Severity::Warning,
     "the server's transaction ids come to an end"},
    {Cause::DiskFull, "disk_full", 56, Severity::Critical, "a disk the server writes to is full"},
    {Cause::WalDiskFull, "wal_disk_full", 57, Severity::Critical,
     "the disk of the WAL is full: the server cannot start until there is room"},
    {Cause::SharedMemoryFull, "shared_memory_full", 5, Severity::Warning,
     "/dev/shm is too small for what the server asks of it"},
    {Cause::HeapCorrupted, "heap_corrupted", 9, Severity::Critical,
     "a data file of the server is damaged"},
    {Cause::IndexCorrupted, "index_corrupted", 7, Severity::Critical, "an index is damaged"},
    {Cause::TableTruncated, "table_truncated", 18, Severity::Critical,
     "a table was emptied at once"},
    {Cause::MassDelete, "mass_delete", 16, Severity::Warning,
     "most rows of a table were deleted in a short time"},
    {Cause::SchemaDropped, "schema_dropped", 25, Severity::Critical,
     "a schema is gone with the tables in it"},
    {Cause::GuardKilled, "guard_killed", 4, Severity::Info,
     "the guard ended without being told to"},
    {Cause::DataFenced, "data_fenced", 51, Severity::Critical,
     "pgkeel made sure that no server starts in the data directory"},
});

}  // namespace

const CauseInfo& cause_info(Cause cause) { return kCauses.at(static_cast<std::size_t>(cause)); }

bool about_archive(Cause cause) {
  return cause == Cause::ArchiveFailing || cause == Cause::CommitsUnprotected;
}

bool about_activity(Cause cause, std::string_view subject) {
  return cause == Cause::IdleInTransaction || cause == Cause::SlotAbandoned ||
         cause == Cause::WraparoundNear || subject == kArchiveCommandSubject;
}

bool interrupts_nobody(Cause cause, std::string_view subject) {
  if (cause == Cause::ConnectionStorm) return subject != kInstanceSubject;
  if (subject == kControlFileSubject) return true;
  return cause == Cause::LimitNear || cause == Cause::LimitReached || about_archive(cause) ||
         about_activity(cause, subject) || about_log(cause) || about_rows(cause) ||
         cause == Cause::GuardKilled;
}

bool about_rows(Cause cause) {
  return cause == Cause::TableTruncated || cause == Cause::MassDelete;
}

bool about_log(Cause cause) {
  return cause == Cause::SharedMemoryFull || cause == Cause::HeapCorrupted ||
         cause == Cause::IndexCorrupted;
}

std::span<const CauseInfo> cause_table() { return kCauses; }

std::optional<Cause> cause_by_name(std::string_view name) {
  for (const auto& row : kCauses)
    if (row.name == name) return row.cause;
  return std::nullopt;
}

}  // namespace pgkeel::diagnose
