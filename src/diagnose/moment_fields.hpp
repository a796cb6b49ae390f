// The fields of everything a kept moment (moment.hpp) consists of: one list for each type, by which
// it is written and read. A member nobody listed does not compile, so no fact is forgotten.
#pragma once

#include <tuple>

#include "diagnose/known.hpp"
#include "sense/observation.hpp"

namespace pgkeel::diagnose::kept {

template <class Struct, class Member>
struct Field {
  const char* name;
  Member Struct::* member;
};
template <class Struct, class Member>
constexpr Field<Struct, Member> field(const char* name, Member Struct::* member) {
  return {name, member};
}

/// kFields: its fields as a tuple.
template <class Struct>
struct FieldsOf;

// KEPT(Type, members...) lists a type's members. Binding them all by name fails to compile unless
// they are as many as the type has.
// NOLINTBEGIN: what lists names once and makes strings of them can only be a macro.
#define KEPT_AGAIN(...) KEPT_16(KEPT_16(KEPT_16(KEPT_16(__VA_ARGS__))))
#define KEPT_16(...) KEPT_4(KEPT_4(KEPT_4(KEPT_4(__VA_ARGS__))))
#define KEPT_4(...) KEPT_1(KEPT_1(KEPT_1(KEPT_1(__VA_ARGS__))))
#define KEPT_1(...) __VA_ARGS__
#define KEPT_NEXT() KEPT_EACH
#define KEPT_PARENS ()
#define KEPT_EACH(Type, name, ...) \
  field(#name, &Type::name) __VA_OPT__(, KEPT_NEXT KEPT_PARENS(Type, __VA_ARGS__))
#define KEPT_LIST(Type, ...) std::tuple(KEPT_AGAIN(KEPT_EACH(Type, __VA_ARGS__)))
#define KEPT(Type, ...)                                           \
  template <>                                                     \
  struct FieldsOf<Type> {                                         \
    static constexpr auto kFields = KEPT_LIST(Type, __VA_ARGS__); \
    [[maybe_unused]] static void names_all(Type& value) {         \
      [[maybe_unused]] auto& [__VA_ARGS__] = value;               \
    }                                                             \
  }
// NOLINTEND

KEPT(runtime::ExitStatus, code, signal);
KEPT(runtime::Account, name, uid, gid, home);
KEPT(runtime::DiskSpace, bytes_total, bytes_free, inodes_total, inodes_free);
KEPT(runtime::FilesystemId, type, uuid, fsid, mount_point, device);
KEPT(runtime::InodeId, device, inode);
KEPT(runtime::Listener, address, pid, command);
KEPT(Error, code, detail, context, sqlstate, sys_errno, hint_override);

KEPT(pg::PostmasterPid, pid, standalone, data_dir, started_epoch_s, port, socket_dir,
     listen_address, shmem_key, shmem_id, status);
KEPT(pg::ControlFile, system_id, control_version, catalog_version, major, state, modified_at,
     checkpoint, redo, timeline, previous_timeline, full_page_writes, next_xid, next_oid,
     next_multixact, oldest_xid, oldest_xid_database, oldest_active_xid, checkpoint_at,
     unlogged_lsn, min_recovery_point, min_recovery_timeline, backup_start, backup_end,
     backup_end_required, wal_level, wal_log_hints, max_connections, max_worker_processes,
     max_wal_senders, max_prepared_transactions, max_locks_per_transaction, track_commit_timestamp,
     block_size, relation_segment_blocks, wal_block_size, wal_segment_bytes, data_checksum_version,
     default_char_signed);

KEPT(instance::Capabilities, sees_process, sees_files, can_start, can_stop, can_move_files);
KEPT(instance::LockFacts, state, file, pid_reused, pid_is_zombie, pid_owner, orphans, servers,
     settling, detail);
KEPT(instance::DataDirFacts, state, detail, control, control_error, major, fenced, fenced_system_id,
     filesystem, inode, owner, mode, foreign_part, space, read_only);
KEPT(instance::ContainerMount, type, name, source, destination, writable);
KEPT(instance::PublishedPort, inside, host_ip, outside);
KEPT(instance::ContainerFacts, id, name, status, running, paused, restarting, oom_killed, pid,
     exit_code, error, restart_count, created_at, started_at, finished_at, image, image_digest,
     restart_policy, restart_retries_max, memory_limit, memory_swap, stop_signal, network_mode,
     ip_address, log_path, has_tty, health_check, mounts, ports, environment, labels);
KEPT(instance::OtherContainer, name, running, data_dir, system_id);
KEPT(instance::HostingFacts, error, name, exists, container, twins, others);

KEPT(sense::ProcessFacts, state, at, pid, found_at, died_at, exit, libc, oom_kill, stopped_since,
     stopping, progress_at);
KEPT(sense::ProbeFacts, result, at, wall, took, sqlstate, note, failures, last_ok_at, ever_ok);
KEPT(sense::RightsFacts, at, seen, role, superuser, replication, createdb, owns_database,
     reads_stats, reads_settings, signals, reads_control);
KEPT(sense::FilesFacts, at, seen, data_dir, lock, config_changed, config_error, programs_major,
     programs_missing, port_listener);
KEPT(sense::EngineWord, at, text);
KEPT(sense::HostingView, at, facts, missing_since, words);
KEPT(sense::Relation, oid, schema, name, kind, owner, size_bytes, rows_estimate, readable,
     live_rows);
KEPT(sense::Database, oid, name, owner, encoding, collate, ctype, size_bytes);
KEPT(sense::Position, at, lsn);
KEPT(sense::RowLoss, oid, kind, since, at, lsn, counted_lsn, rows_before, rows_after);
KEPT(sense::RelationListing, at, checked_at, before, gone, relations, schemas, renamed_schemas,
     row_losses, counted_at, migrations, migrated_at, migrated, truncated, changes, ddl_changes);
KEPT(sense::CatalogFacts, at, before, gone, seen, wal, databases, listings);
KEPT(sense::DatabaseCollation, database, recorded, actual);
KEPT(sense::CollationFacts, at, pid, databases);
KEPT(sense::ServerLogFacts::Entry, signature, text);
KEPT(sense::ServerLogFacts, at, entries);
KEPT(sense::StartFacts, at, attempted, failed, note);
KEPT(sense::ArchiveTrouble, subject, text, hint, urgent, patience, since);
KEPT(sense::ArchiveFacts, at, settled, troubles);
KEPT(sense::Unprotected, since, until, why);
KEPT(sense::SyncFacts, seen, wanted, armed, unprotected);
KEPT(sense::LogEvent, at, signature, severity, pid, sqlstate, text, user, database, application);
KEPT(sense::LogWatchFacts::Seen, at, event);
KEPT(pg::DdlLine, at, pid, database, role, login, application, address, tag, outcome, objects,
     count);
KEPT(sense::AskedFor, at, database, relation);
KEPT(sense::LogWatchFacts, seen, sync_waits_canceled, last_canceled_at, trouble, ddl, asked);
KEPT(sense::Space, role, name, path, unavailable, device, room, read_only);
KEPT(sense::GroupMemory, limit_bytes, used_bytes, oom_kills);
KEPT(sense::ClockJump, at, by);
KEPT(sense::ProcessRoom, group_used, group_limit, user_limit, open_files);
KEPT(sense::HostFacts, at, seen, spaces, memory_bytes, memory_available_bytes, group, processes,
     booted_at, clock_jump, io_stall, memory_stall);
KEPT(sense::SessionGroup, user, application, database, state, sessions, longest);
KEPT(sense::OpenTransaction, pid, user, application, database, state, open_for, in_state_for,
     blocks, blocking_looks, waiting, xmin_age);
KEPT(sense::PreparedTransaction, gid, database, owner, prepared_for, xmin_age);
KEPT(sense::ReplicationSlot, name, logical, active, synced, idle_looks, idle_since, inactive_for,
     retained_bytes, wal_status, xmin_age);
KEPT(sense::FreezeAge, database, transactions, multixacts);
KEPT(sense::ArchiverFacts, archived, failed, last_failed_wal, last_archived_at, last_failed_at,
     failing_looks, failing_since);
KEPT(sense::ActivityFacts, at, seen, unavailable, sees_others, groups, transactions, prepared,
     slots, freeze, archiver, freeze_max_age);
KEPT(sense::Observation, reach, probes_writes, rights, process, login, write, files, hosting,
     catalog, collations, server_log, start, archive, sync, log_watch, host, activity);

KEPT(incident::Identity, system_id, timeline, major, last_lsn, data_dir, filesystem_type,
     filesystem_uuid, filesystem_fsid, mount_point, device, inode, image_digest, libc, seen_at);
KEPT(incident::KnownDatabase, oid, name, owner, encoding, collate, ctype);
KEPT(incident::KnownRelation, oid, schema, name, kind, owner, size_bytes, rows_estimate);
KEPT(Limits, storage_bytes, connections, warn_at);
KEPT(LostRows, database, oid, truncated, since, at, lsn, counted_lsn, rows_before, rows_after);
KEPT(Predecessor, pid, started, last_seen, until, still);
KEPT(Known, identity, image, owner, databases, relations, lost_rows, may_lose_rows, predecessor,
     required_databases, required_tables, limits, open_subjects, confirm, hung_after,
     idle_in_transaction, lasting, keeps_archive);

// A base's members cannot be bound together with its own: those of its own are listed unguarded.
template <>
struct FieldsOf<sense::LoginFacts> {
  static constexpr auto kFields =
      std::tuple_cat(FieldsOf<sense::ProbeFacts>::kFields,
                     KEPT_LIST(sense::LoginFacts, in_recovery, server_version, connections_used,
                               connections_max, connections_reserved, crowded_looks, crowded_since,
                               postmaster_started, system_id, timeline));
};

#undef KEPT
#undef KEPT_LIST
#undef KEPT_EACH
#undef KEPT_PARENS
#undef KEPT_NEXT
#undef KEPT_1
#undef KEPT_4
#undef KEPT_16
#undef KEPT_AGAIN

}  // namespace pgkeel::diagnose::kept
