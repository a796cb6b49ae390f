// The rows. A new cause is one row here; sentences name the setting or the command, not a virtue.
#include "incident/prevention.hpp"

#include <algorithm>
#include <array>

namespace pgkeel::incident {
namespace {

constexpr auto kRows = std::to_array<Prevention>({
    {"server_killed",
     "A clean stop instead of a signal: `pg_ctl stop`, the unit, or a container with a "
     "`stop_grace_period` that a checkpoint fits into (a minute, not the engine's ten seconds). "
     "Memory settings that fit the machine keep the kernel from doing it.",
     "Find out who sent the signal: `journalctl -k` for the out-of-memory killer, the audit log "
     "and the engine's events for a person, a script or a deployment.\nUnder a container engine: "
     "set `stop_grace_period: 60s` for the database.",
     "pgkeel doctor"},
    {"stopped_by_operator",
     "Nothing needs to: it was stopped on purpose. `pgkeel pause --for 1h` before it keeps the "
     "guard from recording it as news.",
     "Make sure that the stop was meant.", "pgkeel status"},
    {"server_recovering",
     "A smaller `max_wal_size` and a shorter `checkpoint_timeout` leave less WAL to replay after a "
     "crash; a clean stop leaves none.",
     "Find out why the server had to recover at all.", "pgkeel status"},
    {"login_failing",
     "A review of `pg_hba.conf`, passwords and certificates before they are changed on a running "
     "server, and a login tried from the application's host after it.",
     "Compare `pg_hba.conf` and the role's password and expiry with what they were when logins "
     "still worked.",
     "pgkeel doctor"},
    {"server_hung",
     "Alarms on stuck disks and on sessions that hold locks for long; `statement_timeout` and "
     "`lock_timeout` for the application's role.",
     "Find out why it stopped answering: a stopped process, a stuck disk (`dmesg`), or locks of a "
     "session that never ends.",
     "pgkeel doctor"},
    {"stale_pid",
     "A clean stop of the server, and a data directory that no other machine or container mounts.",
     "Find out why the last server left its lock file behind: a kill, a crash of the host, or a "
     "directory shared by two machines.",
     "pgkeel doctor"},
    {"port_taken",
     "A port that only this server is configured for, and one service manager that starts it once.",
     "Stop the other program for good or give one of the two another port, or this comes back at "
     "the next restart.",
     "pgkeel doctor"},
    {"config_broken",
     "`postgres -C port -D DIR` or `pg_file_settings` read before each reload or restart; "
     "configuration kept in version control.",
     "Mend the file that was set aside, compare it with the one in place, and reload.",
     "pgkeel doctor"},
    {"server_start_failed",
     "A start tried after each change of packages, configuration or file system, while somebody "
     "looks.",
     "Read the server's log of the failed starts (`pgkeel logs postgres`).",
     "pgkeel logs postgres"},
    {"control_file_lost",
     "Nobody and nothing but PostgreSQL writing below the data directory, a disk whose errors are "
     "watched, and an archive a restore was proven from.",
     "Check the disk (`smartctl -a`, `dmesg`) before it is trusted with data again.\nFind out what "
     "removed or overwrote `global/pg_control`.",
     "pgkeel backup list"},
    {"mount_missing",
     "The mount as part of the boot (`/etc/fstab` without `noauto`) and of the unit "
     "(`RequiresMountsFor=`), so that PostgreSQL never starts without it.",
     "Find out why the file system was not mounted, and make the unit depend on it.",
     "pgkeel doctor"},
    {"volume_lost",
     "A named volume that something holds (`pgkeel anchor keep`), an engine nobody prunes with "
     "`--volumes`, and an archive on another disk.",
     "Do not initialise a new cluster in the old place before the search for the old one is over: "
     "late mounts, renamed directories, orphaned volumes.\nFind out what removed it: the engine's "
     "events, the shell history, a deployment.",
     "pgkeel doctor"},
    {"wrong_identity",
     "Paths and volumes named once in version control, and no copy of a data directory where a "
     "start script finds it.",
     "Compare the data directory with the one that was known: a wrong mount, a wrong path, a copy. "
     "If the change was meant, `pgkeel unfence --yes` accepts it.",
     "pgkeel doctor"},
    {"database_missing",
     "The first deployment making the database (`[application]`), before the application needs it.",
     "Check that the migrations ran in the database that was made.", "pgkeel doctor"},
    {"database_dropped",
     "An application whose role does not own the database cannot drop it: `pgkeel protect` says "
     "who can, and `--ownership` takes it from the application. No event trigger sees DROP "
     "DATABASE.",
     "Find out who dropped it and whether it was meant (`log_statement = ddl` names the role; "
     "`pgkeel tune` sets it).\nTake ownership from the application's role (`ALTER ... OWNER TO`).",
     "pgkeel undrop {}"},
    {"table_dropped",
     "`pgkeel protect --apply` refuses drops that no session declared. An application whose "
     "role owns no tables cannot drop them at all (`pgkeel protect --ownership`); migrations "
     "then run as another role.",
     "Find out who dropped it and whether it was meant (`log_statement = ddl` names the role; "
     "`pgkeel tune` sets it).\nTake ownership from the application's role (`ALTER ... OWNER TO`).",
     "pgkeel undrop {}"},
    {"schema_dropped",
     "`pgkeel protect --apply` refuses drops that no session declared. An application whose "
     "role does not own the schema cannot drop it with all that is in it (`pgkeel protect "
     "--ownership`).",
     "Find out who dropped it and whether it was meant (`log_statement = ddl` names the role; "
     "`pgkeel tune` sets it).\nTake ownership from the application's role (`ALTER ... OWNER TO`).",
     "pgkeel undrop list"},
    {"table_truncated", "`REVOKE TRUNCATE` from the application's role: hardly any needs it.",
     "Find out who emptied it and whether it was meant; if it was, `pgkeel undrop forget` says so.",
     "pgkeel undrop {} --merge"},
    {"mass_delete",
     "A limit on the rows one statement of the application may delete, and `DELETE` tried inside a "
     "transaction by hand.",
     "Find out which statement deleted the rows and whether it was meant; if it was, `pgkeel "
     "undrop forget` says so.",
     "pgkeel undrop {} --merge"},
    {"server_unreachable",
     "A second way to the server, and the provider's status page among the alerts.",
     "Ask the provider for the reason, and look at the network between.", "pgkeel doctor"},
    {"limit_near", "Retention for what grows and a plan with room.",
     "Make room or change the plan before the limit is reached.", "pgkeel status"},
    {"limit_reached",
     "Retention for what grows, and the warning at `limits.warn_at` "
     "heeded.",
     "Make room or change the plan.", "pgkeel status"},
    {"container_missing",
     "`restart: unless-stopped` for the database, and nobody who runs `docker compose down` on it.",
     "Find out who removed the container (the engine's events).", "docker compose up -d"},
    {"container_paused", "Backups of the host that do not pause containers.",
     "Find out who paused it (the engine's events).", "pgkeel doctor"},
    {"container_renamed", "A fixed `container_name`, the same in `instance.container`.",
     "Set `instance.container` to the present name, or rename the container back.",
     "pgkeel config check"},
    {"engine_unreachable",
     "The engine's own service restarted by the init system, and live-restore, so that containers "
     "outlive it.",
     "Find out why the engine ended (`journalctl -u docker`).", "systemctl status docker"},
    {"oom_killed",
     "A memory limit that `shared_buffers`, `max_connections` times `work_mem` and maintenance fit "
     "into, fewer connections through a pool, `vm.overcommit_memory = 2` on a host of its own.",
     "Lower `work_mem` or the number of connections, or raise the memory limit.\nFind the "
     "statement that took the memory: it is in the server's log beside the kill.",
     "pgkeel tune"},
    {"two_servers",
     "One definition of the service on one host, and a volume no second container mounts.",
     "Stop the server that was started last for good, then check the data with `pg_amcheck`.",
     "pgkeel doctor"},
    {"fresh_cluster",
     "A volume held by an anchor (`pgkeel anchor keep`) and `PGDATA` set to a path inside the "
     "volume: an empty directory makes the image initialise a new cluster.",
     "Find out why the directory was empty when the container started: a wrong mount, a renamed "
     "volume, a new project name.",
     "pgkeel doctor"},
    {"wrong_major",
     "The image pinned to a major version (`postgres:15`, never `latest`), and an upgrade done "
     "with `pg_upgrade` or a dump.",
     "Pin the image or the package to the data's major version, and plan the upgrade.",
     "pgkeel doctor"},
    {"read_only_filesystem",
     "A watched disk: a file system turns read-only after errors, and those are in `dmesg` before.",
     "Check the disk and the file system (`dmesg`, `fsck`) before it is mounted writable again.",
     "pgkeel doctor"},
    {"wrong_permissions", "No `chown -R` or `chmod -R` over a tree that holds the data directory.",
     "Find out what changed owner or mode: a script, a bind mount, another user id in a new image.",
     "pgkeel doctor"},
    {"archive_failing", "Room and rights in the store watched, and keys that do not expire unseen.",
     "Bring the archive back soon: until then nothing newer can be restored, and WAL may be kept "
     "on the server's disk.",
     "pgkeel backup list"},
    {"commits_unprotected",
     "An archive on a disk and a network that keep up, or `sync_on_loss = \"wait\"` where a stop "
     "is better than a gap.",
     "Decide whether the commits of that interval need to be looked at: they were acknowledged "
     "before the archive had them.",
     "pgkeel backup list"},
    {"connection_storm",
     "A pool between application and server, with a limit below `max_connections`, and a limit for "
     "each role (`ALTER ROLE ... CONNECTION LIMIT`).",
     "Find the application that opened the connections and give it a bounded pool.",
     "pgkeel doctor"},
    {"idle_in_transaction", "`idle_in_transaction_session_timeout` for the application's role.",
     "Find the code that opens a transaction and then waits for something else.", "pgkeel doctor"},
    {"slot_abandoned",
     "`max_slot_wal_keep_size` set, so that a slot nobody reads cannot fill the disk; slots "
     "dropped with the standby they were for.",
     "Bring the slot's reader back, or drop the slot.", "pgkeel doctor"},
    {"wraparound_near",
     "Autovacuum left on, and an alarm on prepared transactions, slots and sessions that hold the "
     "oldest transaction id.",
     "End what holds vacuum up, then run `vacuumdb --all --freeze` at a quiet hour.",
     "pgkeel doctor"},
    {"disk_full",
     "An alarm well before the end (`limits.storage`), `temp_file_limit` for runaway queries, logs "
     "that rotate, dumps on another disk.",
     "Find out what filled the disk, and give it a limit or another disk.\nGrow the disk when it "
     "is the data.",
     "pgkeel doctor"},
    {"wal_disk_full",
     "`max_slot_wal_keep_size` set, an archive that is watched, and WAL on a disk with room for a "
     "day of it.",
     "Find out what kept the WAL: a failing `archive_command`, a slot nobody reads, or too small a "
     "disk.\nNever delete from `pg_wal`.",
     "pgkeel doctor"},
    {"shared_memory_full",
     "`shm_size` of the container set to what parallel queries ask for (1 GB is a good start).",
     "Set `shm_size` and create the container anew.", "pgkeel doctor"},
    {"heap_corrupted",
     "Data checksums, a disk whose errors are watched, `fsync` left on, and a restore that is "
     "proven every day.",
     "Check the disk and the memory of the machine before either is trusted again.\nRun "
     "`pg_amcheck --heapallindexed` over all databases.",
     "pgkeel doctor"},
    {"index_corrupted",
     "Data checksums, and indexes built anew after a change of the C library (`REINDEX` after a "
     "new image or distribution).",
     "Run `pg_amcheck` over all databases.\nFind out what changed: libc, the disk, a crash of the "
     "host.",
     "pgkeel doctor"},
    {"guard_killed",
     "`Restart=always` and an `OOMScoreAdjust=` for the guard's unit; nobody else's restart policy "
     "on its process.",
     "Find out who ended the guard: `journalctl -u pgkeel`, `journalctl -k`.", "pgkeel status"},
    {"data_fenced",
     "Nothing: the fence is what kept a server from starting that must not. What led to it is in "
     "the incident it names.",
     "Read why it was fenced (`FENCED_BY_PGKEEL.txt` in the data directory) before it is given "
     "back.",
     "pgkeel unfence"},
});

}  // namespace

std::span<const Prevention> prevention_table() { return kRows; }

const Prevention* prevention_of(std::string_view cause) {
  const auto* found = std::ranges::find(kRows, cause, &Prevention::cause);
  return found == kRows.end() ? nullptr : found;
}

std::string first_command(const Incident& incident) {
  const auto* row = prevention_of(incident.cause);
  if (row == nullptr || row->command.empty()) return "pgkeel doctor";
  std::string command(row->command);
  if (const auto hole = command.find("{}"); hole != std::string::npos)
    command.replace(hole, 2, incident.subject);
  return command;
}

}  // namespace pgkeel::incident
