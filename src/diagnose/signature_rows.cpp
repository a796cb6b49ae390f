// See signature_rows.hpp.
#include "diagnose/signature_rows.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

// clang-format off
constexpr auto kRows = std::to_array<RecognisedRow>({
    {"D1", "the first-start settings were ignored, a database does not exist", "database_missing database_dropped", "", "whether the ledger ever held the database", "LogSignature.names_the_images_words DatabaseMissing.IsARequiredOneNeverSeen", ""},
    {"D2", "initdb ran although the cluster is known", "fresh_cluster wrong_identity volume_lost", "", "system identifier, age of the cluster, volumes", "LogSignature.knows_what_no_recording_has FreshCluster.IsYoungerThanTheKnownOneWasSeenLast", ""},
    {"D3", "the data is in a volume nobody named", "", "anonymous_volume mount_misses_data", "the container's mounts", "HostingWarnings.NameEachWayToLoseAVolume", ""},
    {"D4", "an image of 18 or later over a mount of the old place", "", "mount_misses_data", "the container's mounts and PGDATA", "LogSignature.names_the_images_words HostingWarnings.NameEachWayToLoseAVolume", ""},
    {"D5", "data of another major version", "wrong_major", "", "PG_VERSION, the control file, the programs, the image it ran from", "WrongMajor.IsNamedBeforeAnythingIsStarted", ""},
    {"D6", "a role that does not exist, periodically", "", "wrong_health_check health_check_without_role", "the period of the lines, the container's health check", "WrongProbes.AreToldByTheirPeriod", ""},
    {"D7", "connections are refused during the first start", "server_recovering login_failing", "", "a login over the clients' path, not the container's own health", "LoginFailing.IsNamedAfterAgreeingRejections", "The image's temporary server listens on its socket only: over TCP it is not there yet, and no more can be seen."},
    {"D8", "no room in /dev/shm", "shared_memory_full", "", "bytes free in the server's own /dev/shm", "SharedMemoryFull.NamesTheComposeLine", ""},
    {"D9", "text is sorted by other rules than the indexes were built with", "index_corrupted", "libc_changed", "recorded and actual collation versions, libc and image of the server", "LibcChanged.NamesTheDatabasesAndWhatToDo LogSignature.names_what_is_rare", ""},
    {"D10", "owner or mode of the data directory", "wrong_permissions", "", "owner and mode, and who owned it while it served", "WrongPermissions.NamesModeAndOwnerWithTheirCommands LogSignature.knows_what_no_recording_has", ""},
    {"D11", "initdb refuses a directory that is not empty", "", "", "", "LogSignature.names_the_images_words", "The server never ran: what is in the directory is for a person to judge."},
    {"D12", "a lock file of another server, or of a dead one", "stale_pid two_servers", "", "pid, start time, executable and lock of the holder", "StalePid.NeedsAnotherOwnerOfThePid LogSignature.knows_what_no_recording_has", ""},
    {"D13", "the socket's lock file was left behind", "stale_pid", "", "whether its process lives", "RecordedWords.the_holder_of_a_lock_is_read_from_the_hint", ""},
    {"D14", "two containers on one volume", "two_servers", "", "every running container that mounts the volume; two postmasters of one directory", "TwoServers.OutrankEverything", "An incorrect prev-link in the log is ordinary at the end of a recovery and proves nothing by itself."},
    {"D15", "exit code 137, then an interrupted start", "server_killed oom_killed", "", "the engine's events, exit code and stop grace", "OomKilled.IsNotSaidOfAStop", ""},
    {"D16", "the engine could not publish the port", "port_taken", "", "the engine's own words for the container it did not start", "PortTaken.IsTheEnginesWordToo", ""},
    {"K1", "a server process was killed with signal 9", "oom_killed server_killed server_recovering", "", "the kernel's log, the group's count of kills, the engine's flag", "OomKilled.IsKnownFromTheKernelAnywhere", ""},
    {"K2", "a server process crashed", "server_recovering server_killed", "", "exit status of the server", "LogSignature.knows_what_no_recording_has", ""},
    {"K3", "sessions end with another process's crash", "server_recovering", "", "folded under K1 or K2", "LogStory.ConsequencesAreFoldedUnderTheirCause LogSignature.names_what_is_rare", ""},
    {"K4", "sessions are ended by an administrator", "stopped_by_operator", "", "the server's lock file, pg_control, requests to stop", "StoppedByOperator.IsNamedForCleanAndForImmediateStops", ""},
    {"K5", "starting up, recovering, shutting down", "server_recovering", "", "SQLSTATE 57P03 of a login, progress of the recovery", "ServerRecovering.IsNamedFromTheServersWord LogSignature.a_localized_message_is_named_by_its_state", ""},
    {"K6", "the data's disk is full", "disk_full", "", "bytes and inodes of data and tablespaces", "DiskFull.IsNamedByTheFailureAndTheFigure", ""},
    {"K7", "the disk of the WAL is full", "wal_disk_full", "", "bytes and inodes of pg_wal", "WalDiskFull.StopsTheStartsUntilThereIsRoom", ""},
    {"K8", "archive_command fails", "archive_failing", "", "pg_stat_archiver", "ArchiveCommand.FailingIsASubjectBesideTheArchivesOwn", ""},
    {"K9", "a slot nobody reads keeps WAL", "slot_abandoned", "", "pg_replication_slots, room on the disk of the WAL", "SlotAbandoned.KeepsMoreThanItsDiskCanSpare", ""},
    {"K10", "a slot was given up", "slot_abandoned", "", "wal_status of the slot", "SlotAbandoned.IsOfNoUseOnceItHasLostWal", ""},
    {"K11", "a standby asks for WAL that is gone", "", "", "", "", "Where the standby is, is known to it: the archive has the segment, or it is built anew."},
    {"K12", "no valid checkpoint record", "server_start_failed", "", "the server's last words before its start failed", "ServerStartFailed.SaysWhyByTheServersOwnWords", ""},
    {"K13", "a backup was started without its WAL", "server_start_failed", "", "the server's last words before its start failed", "LogSignature.names_what_is_rare ServerStartFailed.SaysWhyByTheServersOwnWords", ""},
    {"K14", "a damaged page", "heap_corrupted index_corrupted", "", "which file, by the message", "HeapCorrupted.OneFindingAFile", ""},
    {"K15", "a file is shorter than it was", "heap_corrupted", "", "which file, by the message", "HeapCorrupted.OneFindingAFile", ""},
    {"K16", "a damaged index", "index_corrupted", "", "which index, by the message", "IndexCorrupted.NamesTheIndexAndTheCheckBefore", ""},
    {"K17", "a part of a value, or the state of a transaction, is gone", "heap_corrupted", "", "", "HeapCorrupted.ALostTransactionStatusIsDamageToo LogSignature.names_what_is_rare", ""},
    {"K18", "the disk cannot be read or written", "server_start_failed", "", "", "LogSignature.knows_what_no_recording_has", "Whether the disk itself is failing is in 'dmesg' and SMART."},
    {"K19", "a read-only file system", "read_only_filesystem", "", "the mount table", "ReadOnlyFilesystem.IsNamedWhetherTheServerRunsOrNot LogSignature.names_what_is_rare", ""},
    {"K20", "a known database does not exist", "database_dropped", "", "pg_database by oid: a rename is no drop", "DatabaseDropped.ExplainsItsTables", ""},
    {"K21", "the files of a database are gone", "heap_corrupted", "", "pg_database: one that was dropped since is no finding", "HeapCorrupted.TheFilesOfADatabaseAreGone", ""},
    {"K22", "a DROP DATABASE was interrupted", "database_dropped", "", "", "", ""},
    {"K23", "a table does not exist", "table_dropped schema_dropped", "", "pg_class by oid: a rename or a move is no drop", "TableDropped.ARenameOrAMoveKeepsTheOidAndIsNoDrop", "A statement without its schema, or in the wrong database, is the client's to find."},
    {"K24", "the file of a table is gone", "heap_corrupted", "", "", "HeapCorrupted.OneFindingAFile", ""},
    {"K25", "the control file is damaged or gone", "control_file_lost volume_lost mount_missing", "", "the file itself, mounts, the ledger", "ControlFileLost.IsNamedWhenDamagedOrIncomplete", ""},
    {"K26", "connections are used up", "connection_storm", "limit_near", "pg_stat_activity by role, application and age", "ConnectionStorm.NamesWhoHoldsMostWhenClientsAreRefused", ""},
    {"K27", "more standbys than max_wal_senders", "connection_storm", "", "", "ConnectionLimit.NamesWhoseLimitItIsAndWhoIsThere", ""},
    {"K28", "a transaction left open", "idle_in_transaction", "", "who waits for it, how old its snapshot is", "IdleInTransaction.NamesTheRootOfTheChainAndWhoWaits", ""},
    {"K29", "a deadlock", "", "", "", "", "The application's to mend: the statements are in the log's DETAIL, and retrying is right."},
    {"K30", "a transaction could not be serialised; a conflict with recovery", "", "", "", "LogSignature.names_what_is_rare", "Right where transactions meet: retrying is the answer."},
    {"K31", "a lock was not had in time", "idle_in_transaction", "", "pg_blocking_pids", "", ""},
    {"K32", "a statement was cancelled", "", "", "", "", "Somebody's timeout or wish: slow statements are in doctor's health."},
    {"K33", "a write in a read-only transaction", "", "", "whether the server is a standby", "", ""},
    {"K34", "a password or pg_hba.conf refuses a client", "login_failing", "", "the guard's own login", "LoginFailing.IsNamedAfterAgreeingRejections", "The environment's password counts at the first start only; which one the app sends only the app knows."},
    {"K35", "memory or the lock table is used up", "", "", "memory, its limit and the kernel's kills (doctor)", "LogSignature.names_what_is_rare", "Which statement asked for it is in the log's STATEMENT line."},
    {"K36", "no process, or no shared memory, to be had", "server_start_failed", "", "the server's last words; memory and its limit; processes of its group against pids.max (doctor)", "LogSignature.names_what_is_rare ServerStartFailed.SaysWhyByTheServersOwnWords", ""},
    {"K37", "transaction ids come to their end", "wraparound_near", "", "age of the oldest rows, and what holds vacuum up", "WraparoundNear.NamesWhatHoldsVacuumUp LogSignature.names_what_is_rare", ""},
    {"K38", "WAL or a primary of another cluster", "wrong_identity archive_failing", "", "the ledger's system identifier", "WrongIdentity.IsNamedAndExplainsTheRest LogSignature.names_what_is_rare", ""},
    {"K39", "a standby on another branch of the history", "", "", "", "LogSignature.names_what_is_rare", "Only the standby tells it: its own data is what must be judged, and that is out of sight here."},
    {"K40", "the server's port is taken", "port_taken", "", "who listens", "PortTaken.IsBelievedOnlyWithTheServersWord LogSignature.names_what_is_rare", ""},
    {"K41", "the certificate or its key is refused", "server_start_failed", "", "", "LogSignature.names_what_is_rare", ""},
    {"K42", "a TLS connection could not be made", "", "certificate_ends_soon certificate_ends_very_soon certificate_ended", "until when the server's own certificate is valid", "LogSignature.names_what_is_rare CertificateEnds.IsWarnedOfInTime", "Why a client does not trust the certificate is in the client's own message."},
    {"K43", "the server refuses its configuration", "config_broken", "", "the server's own parser, the files it last ran with", "ConfigBroken.IsNamedFromTheServersParser LogSignature.names_what_is_rare", ""},
    {"K44", "a library of the configuration is not installed", "server_start_failed", "", "the server's last words before its start failed", "LogSignature.names_what_is_rare ServerStartFailed.SaysWhyByTheServersOwnWords", ""},
    {"K45", "settings of a standby are lower than its primary's", "server_start_failed", "", "", "LogSignature.names_what_is_rare", ""},
    {"K46", "a query was ended by temp_file_limit", "", "", "", "", "A limit that did its work: the query is in the log's STATEMENT line."},
    {"K47", "a standby or receiver was silent for too long", "", "", "", "LogSignature.names_what_is_rare", "The network, or a standby that hangs: only it can tell."},
    {"K48", "TCP connects and nobody answers", "server_hung", "", "state of the process, CPU, I/O and WAL progress", "ServerHung.SlowIsNotDeadUntilHungAfter", ""},
    {"K49", "a restore ended before its target", "server_start_failed", "", "", "LogSignature.names_what_is_rare", ""},
    {"K50", "a backup lacks the WAL of its own end", "server_start_failed", "", "", "LogSignature.names_what_is_rare", ""},
    {"K51", "a role or database has reached its limit", "connection_storm", "", "who is connected; the limits of roles and databases (doctor)", "ConnectionLimit.NamesWhoseLimitItIsAndWhoIsThere", ""},
    {"K52", "a database in use was to be dropped", "", "", "", "", "Nothing was lost: who is connected is in doctor's health."},
    {"K53", "the connection ended without a word", "", "", "what the server's log says of that second", "", "Seen from the server only as a client that went away; a proxy, a NAT or the app's own kill is in the client's log."},
    {"K54", "a host name could not be translated", "server_unreachable", "", "the guard's own login, where it goes by a name", "RemoteServer.UnreachableIsNamedByWhatTheLoginMet", "Another client's resolver is out of sight; of a container the guard sees that it is gone or renamed."},
    {"K55", "file descriptors are used up", "", "", "the limit of open files of the server's processes (doctor)", "LogSignature.names_what_is_rare", ""},
});
// clang-format on

std::string coded(std::string_view names) {
  std::string text;
  while (!names.empty()) {
    const auto end = std::min(names.find(' '), names.size());
    text += fmt::format("{}`{}`", text.empty() ? "" : ", ", names.substr(0, end));
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return text;
}

std::string log_words(std::string_view row) {
  std::string text;
  for (const auto signature : signatures_of(row))
    text += fmt::format("{}`{}`", text.empty() ? "" : ", ", pg::to_string(signature));
  return text;
}

std::string beside(const RecognisedRow& row) {
  std::string text(row.facts);
  if (!row.limit.empty()) text += fmt::format("{}*{}*", text.empty() ? "" : ". ", row.limit);
  return text;
}

}  // namespace

std::span<const RecognisedRow> recognised_rows() { return kRows; }

std::vector<pg::Signature> signatures_of(std::string_view row) {
  std::vector<pg::Signature> signatures;
  for (const auto& entry : pg::signature_table())
    if (entry.reference == row &&
        std::ranges::find(signatures, entry.signature) == signatures.end())
      signatures.push_back(entry.signature);
  return signatures;
}

std::string signatures_markdown() {
  std::string text =
      "# Fault signatures\n\n"
      "What breaks around a PostgreSQL server, and by what pgkeel recognises it. *Log* names the "
      "meaning of a line in\nthe server's log (`pgkeel doctor` shows it), *cause* what an incident "
      "is called\n([causes](../guide/causes.md)), *warning* what status shows before it breaks. "
      "What cannot be told from the server's\nside is said in italics.\n\n"
      "| row | what is seen | log | cause | warning | looked at besides |\n"
      "|---|---|---|---|---|---|\n";
  for (const auto& row : kRows)
    text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", row.row, row.sign, log_words(row.row),
                        coded(row.causes), coded(row.warnings), beside(row));
  return text;
}

}  // namespace pgkeel::diagnose
