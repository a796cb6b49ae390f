// The statements of health_rows.hpp. None of them waits for a lock somebody holds exclusively:
// sizes are asked of relations nobody has locked. Lists are cut by the server.
#include <fmt/format.h>

#include "sense/health_rows.hpp"

namespace pgkeel::sense {
namespace {

constexpr int kMajor14 = 140000;
constexpr int kMajor16 = 160000;
constexpr int kMajor17 = 170000;
constexpr int kMajor18 = 180000;
// Who waits for whom is asked for so many only: the answer takes locks on the lock table.
constexpr int kWaitersAsked = 20;
// With more tables than this the planner's page counts say which are the largest.
constexpr int kTablesMeasured = 2'000;
constexpr int kDeadRowsLeast = 1'000;
constexpr std::string_view kOfUsers = "n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";

}  // namespace

std::string sessions_statement() {
  return fmt::format(
      "with session as materialized (select * from pg_stat_activity where pid <> pg_backend_pid()"
      " and (backend_type in ('client backend', 'autovacuum worker')"
      " or (backend_type is null and usesysid is not null))),"
      " waiting as materialized (select pid, pg_blocking_pids(pid) as blockers from"
      " (select pid from session where wait_event_type = 'Lock' order by query_start limit {}) w),"
      " chain as materialized (select unnest(blockers) as pid from waiting"
      " union select pid from waiting)"
      " select s.pid, coalesce(usename, backend_type), application_name, datname, state,"
      " extract(epoch from now() - xact_start)::int8,"
      " extract(epoch from now() - state_change)::int8,"
      " case when w.pid is not null then extract(epoch from now() - query_start)::int8 end,"
      " greatest(age(backend_xmin), age(backend_xid)), array_to_string(blockers, ','),"
      " left(query, 1000)"
      " from session s left join waiting w using (pid)"
      " where s.pid in (select pid from chain) or xact_start is not null"
      " order by s.pid in (select pid from chain) desc, xact_start limit {}",
      kWaitersAsked, kHealthSessionsMax);
}

std::string holders_statement() {
  return fmt::format(
      "select * from (select 'prepared', gid, owner::text, database::text, age(transaction) as old,"
      " extract(epoch from now() - prepared)::int8, false from pg_prepared_xacts"
      " union all select 'slot', slot_name::text, slot_type, database::text,"
      " greatest(age(xmin), age(catalog_xmin)), null, active from pg_replication_slots"
      " union all select 'standby', application_name, usename::text, null, age(backend_xmin), null,"
      " true from pg_stat_replication) h where old is not null order by old desc limit {}",
      kHealthRowsMax);
}

std::string limits_statement() {
  return fmt::format(
      "select * from (select 'role', rolname::text, (select count(*) from pg_stat_activity a"
      " where a.usesysid = r.oid) as used, rolconnlimit::int8 as most from pg_roles r"
      " where rolconnlimit > 0 and not rolsuper and rolcanlogin"
      " union all select 'database', datname::text, (select count(*) from pg_stat_activity a"
      " where a.datid = d.oid), datconnlimit from pg_database d where datconnlimit > 0) l"
      " order by used::float8 / most desc limit {}",
      kHealthRowsMax);
}

std::string databases_statement() {
  return fmt::format(
      "select d.datname, case when has_database_privilege(d.oid, 'connect')"
      " or pg_has_role('pg_read_all_stats', 'usage') then pg_database_size(d.oid) end as bytes,"
      " temp_files, temp_bytes, extract(epoch from stats_reset)::int8,"
      " pg_has_role('pg_read_all_stats', 'usage') from pg_database d"
      " left join pg_stat_database s on s.datid = d.oid where not datistemplate and datallowconn"
      " and datconnlimit <> -2 order by bytes desc nulls last limit {}",
      kHealthRowsMax);
}

std::string checkpoints_statement(int server_version) {
  const bool own_view = server_version >= kMajor17;
  return fmt::format(
      "select {}, extract(epoch from stats_reset)::int8,"
      " pg_size_bytes(current_setting('max_wal_size')),"
      " extract(epoch from current_setting('checkpoint_timeout')::interval)::int8 from {}",
      own_view ? "num_timed, num_requested" : "checkpoints_timed, checkpoints_req",
      own_view ? "pg_stat_checkpointer" : "pg_stat_bgwriter");
}

// Reads and their mean time, syncs and theirs, whether anything is timed at all.
std::string io_statement(int server_version) {
  const std::string_view timed = "current_setting('track_io_timing')::bool";
  const std::string_view wal_timed = "current_setting('track_wal_io_timing')::bool";
  if (server_version >= kMajor16) {
    // From 18 on the WAL stands in the same view; its times have a switch of their own.
    const auto all =
        server_version >= kMajor18 ? fmt::format("{} or {}", timed, wal_timed) : std::string(timed);
    return fmt::format(
        "select sum(reads)::int8, case when {0} then sum(read_time) / nullif(sum(reads), 0) end,"
        " sum(fsyncs)::int8, case when {1} then sum(fsync_time) / nullif(sum(fsyncs) filter"
        " (where fsync_time > 0), 0) end, {1} from pg_stat_io",
        timed, all);
  }
  const auto reads = fmt::format(
      "sum(blks_read)::int8 as reads, case when {} then sum(blk_read_time) /"
      " nullif(sum(blks_read), 0) end as read_ms from pg_stat_database",
      timed);
  if (server_version < kMajor14)
    return fmt::format("select reads, read_ms, null, null, {} from (select {}) d", timed, reads);
  return fmt::format(
      "select reads, read_ms, wal_sync, case when {0} then wal_sync_time / nullif(wal_sync, 0) end,"
      " {0} or {1} from (select {2}) d, pg_stat_wal",
      wal_timed, timed, reads);
}

std::string tables_statement() {
  return fmt::format(
      "with locked as materialized (select coalesce(i.indrelid, l.relation) as relation"
      " from pg_locks l left join pg_index i on i.indexrelid = l.relation"
      " where locktype = 'relation' and mode = 'AccessExclusiveLock'),"
      " own as materialized (select c.oid, n.nspname, c.relname, nullif(c.reltoastrelid, 0) as"
      " toast, (c.relpages::int8 + coalesce(t.relpages, 0)) * 8192 as about from pg_class c"
      " join pg_namespace n on n.oid = c.relnamespace left join pg_class t on t.oid ="
      " c.reltoastrelid where c.relkind in ('r', 'm') and {0} and c.relpersistence <> 't'"
      " and not exists (select from locked where relation in (c.oid, c.reltoastrelid))),"
      " largest as (select * from own order by case when (select count(*) from own) <= {1}"
      " then pg_table_size(oid) else about end desc limit {2})"
      " select nspname, relname, pg_relation_size(oid), pg_indexes_size(oid),"
      " coalesce(pg_total_relation_size(toast), 0), pg_stat_get_live_tuples(oid),"
      " pg_stat_get_dead_tuples(oid), extract(epoch from greatest("
      "pg_stat_get_last_vacuum_time(oid), pg_stat_get_last_autovacuum_time(oid)))::int8"
      " from largest",
      kOfUsers, kTablesMeasured, kHealthRowsMax);
}

std::string dead_rows_statement() {
  return fmt::format(
      "select schemaname, relname, n_live_tup, n_dead_tup,"
      " extract(epoch from greatest(last_vacuum, last_autovacuum))::int8"
      " from pg_stat_user_tables where n_dead_tup >= {} and schemaname !~ '^pg_'"
      " order by n_dead_tup desc limit {}",
      kDeadRowsLeast, kHealthRowsMax);
}

std::string invalid_indexes_statement() {
  return fmt::format(
      "select n.nspname, x.relname, t.relname, x.relpages::int8 * 8192, indisunique, indisready,"
      " x.relkind = 'I', exists (select from pg_stat_progress_create_index p"
      " where p.index_relid = x.oid or (p.index_relid is null and p.datname = current_database()))"
      " from pg_index i join pg_class x on x.oid = i.indexrelid"
      " join pg_class t on t.oid = i.indrelid join pg_namespace n on n.oid = x.relnamespace"
      " where (not indisvalid or not indisready) and {} order by x.oid limit {}",
      kOfUsers, kHealthRowsMax);
}

std::string table_count_statement() {
  return fmt::format(
      "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
      " where c.relkind in ('r', 'p') and {}",
      kOfUsers);
}

std::string statements_presence() {
  return "select current_setting('pg_stat_statements.max', true) is not null,"
         " quote_ident(n.nspname), exists (select from pg_attribute a join pg_class c on c.oid ="
         " a.attrelid where c.relnamespace = n.oid and c.relname = 'pg_stat_statements'"
         " and a.attname = 'total_time') from (select 1) one left join pg_extension e"
         " on e.extname = 'pg_stat_statements' left join pg_namespace n on n.oid = e.extnamespace";
}

std::string statements_statement(std::string_view schema, bool old_names, bool by_mean) {
  const std::string_view exec = old_names ? "" : "exec_";
  return fmt::format(
      "select pg_get_userbyid(userid), datname, calls, total_{1}time, mean_{1}time,"
      " left(query, 1000) from {0}.pg_stat_statements s left join pg_database d on d.oid = s.dbid"
      " where calls > 0 order by {2}_{1}time desc limit {3}",
      schema, exec, by_mean ? "mean" : "total", kStatementsMax);
}

}  // namespace pgkeel::sense
