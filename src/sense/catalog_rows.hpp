// What the catalog watch asks a server, and how the answers become plain values.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/rows.hpp"
#include "sense/observation.hpp"
#include "sense/row_watch.hpp"

namespace pgkeel::sense {

inline constexpr std::size_t kRelationsMax = 20'000;

// Nothing can have been dropped while no transaction ended. The whole snapshot tells: its xmax
// alone does not move when a long transaction ends after a younger one.
/// Which transactions have ended, the same in every database; and where the WAL is.
inline constexpr std::string_view kHorizon =
    "select pg_current_snapshot()::text,"
    " case when not pg_is_in_recovery() then pg_current_wal_insert_lsn() end::text";

inline constexpr std::string_view kHorizonName = "pgkeel_horizon";
/// From this version on a look at the statistics is a look into shared memory; before it, the
/// server writes a file for who asks.
inline constexpr int kCheapStatistics = 150'000;
/// The same, with the rows that were ever inserted into and deleted from this database.
[[nodiscard]] std::string horizon_with_churn(Oid database);
inline constexpr std::string_view kOwnDatabase =
    "select oid::int8 from pg_database where datname = current_database()";

inline constexpr std::string_view kDatabasesFingerprint =
    "select count(*), coalesce(sum(hashint8(oid::int8 * 4294967296 + xmin::text::int8)::int8), 0)"
    " from pg_database";
inline constexpr std::string_view kDatabases =
    "select oid, datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate,"
    " datctype, case when has_database_privilege(oid, 'connect') then pg_database_size(oid) end"
    " from pg_database where not datistemplate and datallowconn"
    " and datname !~ '_pgkeel_new$' order by oid";  // a replacement in the making is nobody's yet

inline constexpr std::string_view kRelationsFingerprint =
    "select count(*), coalesce(sum(hashint8(oid::int8 * 4294967296 + xmin::text::int8)::int8), 0)"
    " from pg_class where oid >= 16384 and relkind in ('r', 'p', 'S', 'i') and relpersistence <> "
    "'t'";
inline constexpr std::string_view kRelations =
    "select c.oid, n.nspname, c.relname, case when c.relispartition then 'c' else c.relkind::text "
    "end,"
    " pg_get_userbyid(c.relowner), c.relpages::int8 * current_setting('block_size')::int8,"
    " greatest(pg_stat_get_live_tuples(c.oid), c.reltuples::int8),"
    " has_table_privilege(c.oid, 'select') and has_schema_privilege(n.oid, 'usage'),"
    " c.relfilenode::int8, c.relpages = 0 and c.reltuples <= 0, pg_stat_get_live_tuples(c.oid),"
    " pg_stat_get_tuples_inserted(c.oid), pg_stat_get_tuples_deleted(c.oid)"
    " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where c.oid >= 16384 and c.relkind in ('r', 'p') and c.relpersistence <> 't'"
    " and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by c.oid limit 20001";

inline constexpr std::string_view kSchemas =
    "select nspname from pg_namespace order by oid limit 20001";
/// The columns of kRelations that are counted, alone: whether a file may be empty is not asked.
inline constexpr std::string_view kCounts =
    "select c.oid, c.relfilenode::int8, null::bool,"
    " greatest(pg_stat_get_live_tuples(c.oid), c.reltuples::int8), pg_stat_get_live_tuples(c.oid),"
    " pg_stat_get_tuples_inserted(c.oid), pg_stat_get_tuples_deleted(c.oid)"
    " from pg_class c where c.oid >= 16384 and c.relkind = 'r' and c.relpersistence <> 't'"
    " order by c.oid limit 20001";
/// How large their files are; without those somebody holds locked, which would have to be waited
/// for.
[[nodiscard]] std::string sizes_of(const std::vector<Oid>& relations);

inline constexpr std::string_view kWrite =
    "begin; select pg_catalog.pg_logical_emit_message(true, 'pgkeel', 'write probe'); commit";
inline constexpr std::string_view kCollectedLog =
    "select coalesce(pg_current_logfile(), ''), current_setting('data_directory')";

[[nodiscard]] std::vector<Database> read_databases(const client::Rows& rows);
[[nodiscard]] std::vector<Relation> read_relations(const client::Rows& rows);
/// Of an answer to kSchemas; none when it was cut, since the absence of one would prove nothing.
[[nodiscard]] std::vector<std::string> read_schemas(const client::Rows& rows);
/// Of an answer to kRelations, and of one to kCounts.
[[nodiscard]] std::vector<RowCount> counts_in_relations(const client::Rows& rows);
[[nodiscard]] std::vector<RowCount> counts_in(const client::Rows& rows);
/// A field as text; empty for NULL.
[[nodiscard]] std::string read_text(const client::Rows& rows, std::size_t row, std::size_t column);

}  // namespace pgkeel::sense
