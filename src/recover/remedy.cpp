// See remedy.hpp.
#include "recover/remedy.hpp"

#include <algorithm>
#include <array>

#include "base/check.hpp"
#include "recover/capability.hpp"
#include "recover/room.hpp"
#include "recover/sessions_policy.hpp"

namespace pgkeel::recover {
namespace {

using diagnose::Cause;

constexpr auto kRemedies = std::to_array<Remedy>({
    {Cause::StoppedByOperator, Grade::Human, "", false, "the operator to start the server again"},
    {Cause::ServerRecovering, Grade::Human, "", false, "the server to finish its recovery"},
    {Cause::LoginFailing, Grade::Human, "", false, "logins to succeed again"},
    {Cause::ServerKilled, Grade::Automatic, "restart_server", true, ""},
    {Cause::ServerHung, Grade::Guarded, "replace_hung_server", true, "an answer from the server"},
    {Cause::StalePid, Grade::Guarded, "restart_server", true, ""},
    {Cause::PortTaken, Grade::Human, "", false, "the port to be free"},
    {Cause::ConfigBroken, Grade::Guarded, "restore_configuration", false, ""},
    {Cause::ServerStartFailed, Grade::Automatic, "restart_server", true, ""},
    {Cause::ControlFileLost, Grade::Guarded, "restore_control_file", true,
     "a human: bring back what is missing, or 'pgkeel restore --in-place --yes'"},
    {Cause::MountMissing, Grade::Human, "", false, "the file system to be mounted"},
    {Cause::VolumeLost, Grade::Guarded, "reattach_data", false,
     "a human: dump the running server, then mend its data directory"},
    {Cause::WrongIdentity, Grade::Guarded, "reattach_data", false,
     "a human: bring the known data back, or accept this cluster with 'pgkeel unfence --yes'"},
    {Cause::DatabaseMissing, Grade::Automatic, "create_database", false, ""},
    {Cause::DatabaseDropped, Grade::Guarded, "recreate_database", false,
     "a human: 'pgkeel undrop DATABASE' restores it from an archive, 'pgkeel undrop forget "
     "DATABASE' "
     "if it was meant"},
    {Cause::TableDropped, Grade::Guarded, "recreate_table", false,
     "a human: 'pgkeel undrop DATABASE.SCHEMA.TABLE' restores it from an archive, 'pgkeel undrop "
     "forget DATABASE.SCHEMA.TABLE' if it was meant"},
    {Cause::ServerUnreachable, Grade::Human, "", false, "a login to succeed again"},
    {Cause::ContainerMissing, Grade::Human, "", false,
     "a human: create the container again over the same volume ('docker compose up -d')"},
    {Cause::ContainerPaused, Grade::Human, "", false, "the container to be unpaused"},
    {Cause::EngineUnreachable, Grade::Human, "", false, "the container engine to answer"},
    {Cause::OomKilled, Grade::Automatic, "relieve_memory", true, ""},
    {Cause::TwoServers, Grade::Guarded, "end_second_server", false,
     "a human: kill the container started last ('docker kill', not 'stop'), then check the data "
     "(pg_amcheck)"},
    {Cause::FreshCluster, Grade::Guarded, "replace_fresh_cluster", true,
     "a human: bring the known data back, or accept this cluster with 'pgkeel unfence --yes'"},
    {Cause::WrongMajor, Grade::Human, "", false,
     "a human: bring back the programs of the data's major version"},
    {Cause::ReadOnlyFilesystem, Grade::Human, "", false, "a human: make the file system writable"},
    {Cause::ContainerRenamed, Grade::Human, "", false,
     "a human: set instance.container to the container's present name"},
    {Cause::WrongPermissions, Grade::Guarded, "mend_permissions", true,
     "a human: give the data directory its owner and mode back"},
    {Cause::ArchiveFailing, Grade::Human, "", false,
     "the archive to work again; the guard goes on trying"},
    {Cause::CommitsUnprotected, Grade::Human, "", false,
     "the archive to catch up; commits then wait for it again"},
    {Cause::ConnectionStorm, Grade::Guarded, "end_idle_sessions", false,
     "a human: let the application keep fewer connections, or put a pool in front of it"},
    {Cause::IdleInTransaction, Grade::Guarded, "end_idle_transaction", false,
     "a human: end the session with pg_terminate_backend(), and mend what left it open"},
    {Cause::SlotAbandoned, Grade::Guarded, "drop_own_slot", false,
     "a human: bring the slot's reader back, or drop it with pg_drop_replication_slot()"},
    {Cause::WraparoundNear, Grade::Human, "", false,
     "a human: end what holds vacuum up, then 'vacuumdb --freeze'"},
    {Cause::LimitNear, Grade::Human, "", false,
     "a human: make room, or change [limits] with the plan"},
    {Cause::LimitReached, Grade::Human, "", false,
     "a human: make room, or change [limits] with the plan"},
    {Cause::DiskFull, Grade::Automatic, "make_room", false, "a human: make room on the disk"},
    {Cause::WalDiskFull, Grade::Automatic, "make_room", false,
     "a human: make room on the disk of the WAL; the server is started when there is"},
    {Cause::SharedMemoryFull, Grade::Guarded, "lower_parallel_workers", false,
     "a human: give the container a larger /dev/shm"},
    {Cause::HeapCorrupted, Grade::Guarded, "restore_beside", false,
     "a human: restore the relation beside the live one"},
    {Cause::IndexCorrupted, Grade::Guarded, "rebuild_index", false,
     "a human: check the table, then REINDEX"},
    {Cause::TableTruncated, Grade::Human, "", false,
     "a human: restore its rows beside it, or say that it was meant ('pgkeel undrop forget')"},
    {Cause::MassDelete, Grade::Human, "", false,
     "a human: restore the rows beside it, or say that it was meant ('pgkeel undrop forget')"},
    {Cause::SchemaDropped, Grade::Human, "", false,
     "a human: restore its tables, or say that it was meant ('pgkeel undrop forget')"},
    {Cause::GuardKilled, Grade::Human, "", false, "a guard to watch again"},
    {Cause::DataFenced, Grade::Human, "", false,
     "a human: 'pgkeel unfence' shows what giving the data back would do"},
});

const Remedy& row(Cause cause) {
  for (const auto& remedy : kRemedies)
    if (remedy.cause == cause) return remedy;
  CHECK(false);
  __builtin_unreachable();
}

Remedy left_to_human(Remedy remedy) {
  remedy.grade = Grade::Human;
  remedy.playbook = "";
  return remedy;
}

// What was dropped on purpose stays dropped: it is brought back when somebody wants it.
Remedy for_missing(Remedy remedy, MissingPolicy missing, std::string_view restoring,
                   const Policy& policy, const diagnose::Finding& finding) {
  if (missing == MissingPolicy::RecreateEmpty) return remedy;
  const bool unasked = finding.wanted.empty() || policy.undrop == Undrop::Never;
  if (missing != MissingPolicy::Restore || !policy.archive || unasked) return left_to_human(remedy);
  remedy.playbook = restoring;
  return remedy;
}

bool is_full_disk(Cause cause) { return cause == Cause::DiskFull || cause == Cause::WalDiskFull; }

// A quota shows no disk.
bool sees_a_full_disk(const sense::Observation& seen) {
  return std::ranges::any_of(seen.host.spaces, [](const sense::Space& space) {
    return space.known() && is_full(space.role, space.room);
  });
}

Remedy for_full_disk(Remedy remedy, const sense::Observation& seen) {
  // Why it died may be another reason, and an old line of the log: one start tells.
  if (seen.process.state == sense::ProcessState::Absent && !seen.start.failed)
    return row(Cause::ServerKilled);
  return sees_a_full_disk(seen) ? remedy : left_to_human(remedy);
}

Remedy chosen(const diagnose::Finding& finding, const sense::Observation& seen,
              const Policy& policy) {
  Remedy remedy = row(finding.cause);
  if (is_full_disk(finding.cause)) return for_full_disk(remedy, seen);
  if (finding.wait) return left_to_human(remedy);
  switch (finding.cause) {
    case Cause::ServerHung:
      if (seen.process.state == sense::ProcessState::Stopped) {
        remedy.playbook = "resume_server";
        remedy.starts_server = false;
      }
      return remedy;
    case Cause::ControlFileLost:
      if (finding.subject == diagnose::kControlFileSubject) {
        remedy.playbook = "put_control_file_back";
        remedy.starts_server = false;
      }
      return remedy;
    case Cause::VolumeLost:
      if (policy.archive) {
        remedy.playbook = "restore_data";
        remedy.starts_server = true;
      }
      return remedy;
    case Cause::SharedMemoryFull: return policy.owns_server ? remedy : left_to_human(remedy);
    case Cause::HeapCorrupted: return policy.archive ? remedy : left_to_human(remedy);
    case Cause::FreshCluster: return policy.replace_fresh_cluster ? remedy : left_to_human(remedy);
    case Cause::ConnectionStorm:
      return has_idle_sessions(seen.activity, policy.end_sessions) ? remedy : left_to_human(remedy);
    case Cause::IdleInTransaction:
      return has_idle_transaction(seen.activity, policy.end_sessions) ? remedy
                                                                      : left_to_human(remedy);
    case Cause::TableDropped:
      return for_missing(remedy, policy.missing_table, "restore_table", policy, finding);
    case Cause::DatabaseDropped:
      return for_missing(remedy, policy.missing_database, "restore_database", policy, finding);
    default: return remedy;
  }
}

}  // namespace

std::span<const Remedy> remedy_table() { return kRemedies; }

Remedy remedy_for(const diagnose::Finding& finding, const sense::Observation& seen,
                  const Policy& policy) {
  auto remedy = chosen(finding, seen, policy);
  if (const auto* lacking = lacking_for(remedy.playbook, seen)) {
    remedy = left_to_human(remedy);
    remedy.waits_for = lacking->waits_for;
  }
  return remedy;
}

}  // namespace pgkeel::recover
