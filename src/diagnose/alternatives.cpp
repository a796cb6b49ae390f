// See alternatives.hpp. One row for each pair that is easily taken for one another. A row whose
// fact is at hand is not an alternative any more: it is excluded, or a finding of its own.
#include "diagnose/alternatives.hpp"

#include <algorithm>
#include <array>

#include "diagnose/case.hpp"

namespace pgkeel::diagnose {
namespace {

bool kernel_was_read(const Case& the_case) {
  const auto* hosting = hosting_of(the_case);
  return !the_case.seen.process.oom_kill.empty() || (hosting != nullptr && hosting->exists);
}

bool host_was_seen(const Case& the_case) { return the_case.seen.host.seen; }

bool exit_is_known(const Case& the_case) { return the_case.seen.process.exit.has_value(); }

bool engine_tells(const Case& the_case) { return hosting_of(the_case) != nullptr; }

bool never(const Case& /*the_case*/) { return false; }

struct Row {
  Cause of;
  std::string_view other;  ///< a cause's name, or words where it is none of the table
  std::string_view tells;
  bool (*settled)(const Case&);  ///< the fact that tells them apart is at hand
};

// clang-format off
constexpr auto kRows = std::to_array<Row>({
    {Cause::ServerKilled, "oom_killed", "'dmesg' or 'journalctl -k' names the process where the kernel killed it for want of memory", kernel_was_read},
    {Cause::ServerKilled, "a crash of the server itself", "its exit status, or 'terminated by signal' in the server's log", exit_is_known},
    {Cause::ServerKilled, "stopped_by_operator", "'received ... shutdown request' as the last words of the server's log", never},
    {Cause::ServerHung, "a disk that does not answer", "processes in state D ('ps -eo pid,stat,wchan'), 'full' in /proc/pressure/io", never},
    {Cause::ServerHung, "a network or firewall that swallows packets", "a login over the server's own socket", never},
    {Cause::LoginFailing, "a changed password or pg_hba.conf", "the SQLSTATE of the login: 28P01 and 28000", never},
    {Cause::LoginFailing, "connection_storm", "SQLSTATE 53300", never},
    {Cause::ServerUnreachable, "the server is down", "a look at its own machine, or its provider's status page", never},
    {Cause::ServerUnreachable, "a network, a name or a firewall between", "a login from another machine; 'getent hosts', 'nc -z'", never},
    {Cause::ServerStartFailed, "config_broken", "'postgres -C data_directory' with the server's own configuration", never},
    {Cause::VolumeLost, "mount_missing", "'findmnt' and /etc/fstab: was the directory a mount of its own?", host_was_seen},
    {Cause::VolumeLost, "a container with another volume", "'docker inspect': the mounts of the container, and dangling volumes", engine_tells},
    {Cause::WrongIdentity, "fresh_cluster", "initdb's words in the server's log, and how many databases the new cluster has", never},
    {Cause::WrongIdentity, "a restore somebody meant", "the operator: 'pgkeel unfence --yes' says so", never},
    {Cause::DatabaseDropped, "a migration or a test that was aimed at the wrong server", "the role and application of the DROP in the server's log (log_statement = 'ddl')", never},
    {Cause::TableDropped, "a migration that meant it", "the migration tool's own log at that minute", never},
    {Cause::SchemaDropped, "a migration that meant it", "the migration tool's own log at that minute", never},
    {Cause::TableTruncated, "a nightly job that loads the table anew", "crontab and the application's log at that minute; rows that come back", never},
    {Cause::MassDelete, "a cleanup that is meant", "crontab and the application's log at that minute; whether only old rows went", never},
    {Cause::MassDelete, "a DELETE without its WHERE", "the statement in the server's log (log_statement = 'mod'), and rows of yesterday among the lost", never},
    {Cause::HeapCorrupted, "a damaged index only", "'pg_amcheck --heapallindexed', or a read of the table without the index", never},
    {Cause::HeapCorrupted, "a failing disk", "'dmesg' and SMART, other files that cannot be read", never},
    {Cause::IndexCorrupted, "libc_changed", "the collation versions in pg_database, and whether image or libc was changed", never},
    {Cause::OomKilled, "a limit of the container alone", "CONSTRAINT_MEMCG in the kernel's words", never},
    {Cause::ConnectionStorm, "a leak in one application", "how long the idle ones have been idle: minutes are a leak, seconds a storm", never},
    {Cause::ConnectionStorm, "slow statements that pile up", "active sessions and what they wait for in pg_stat_activity", never},
    {Cause::DiskFull, "a quota or inodes", "'df -i', 'quota': bytes may be free", host_was_seen},
    {Cause::ArchiveFailing, "disk_full", "room on the archive's file system", never},
    {Cause::ControlFileLost, "a failing disk", "'dmesg' and SMART, other files that cannot be read", never},
    {Cause::ReadOnlyFilesystem, "a failing disk that the kernel took out of service", "'dmesg': I/O errors before the remount", never},
    {Cause::GuardKilled, "killed for want of memory", "'dmesg' or 'journalctl -k' names pgkeel", never},
});
// clang-format on

bool is_found(std::string_view name, const std::vector<Finding>& findings) {
  const auto cause = cause_by_name(name);
  return cause && std::ranges::find(findings, *cause, &Finding::cause) != findings.end();
}

}  // namespace

std::vector<Alternative> alternatives(const Case& the_case, const Finding& finding,
                                      const std::vector<Finding>& findings) {
  std::vector<Alternative> others;
  for (const auto& row : kRows) {
    if (row.of != finding.cause || row.settled(the_case) || is_found(row.other, findings)) continue;
    if (others.size() == kAlternativesShown) break;
    others.push_back({std::string(row.other), std::string(row.tells)});
  }
  return others;
}

}  // namespace pgkeel::diagnose
