// What the catalog watch asks a server, and how the answers become plain values.
#pragma once

#include <string_view>
#include <vector>

#include "client/rows.hpp"
#include "sense/observation.hpp"

namespace pgkeel::sense {

inline constexpr std::size_t kRelationsMax = 20'000;

// Nothing can have been dropped while no transaction id was assigned.
/// The newest transaction, and where the WAL is.
inline constexpr std::string_view kHorizon =
    "select pg_snapshot_xmax(pg_current_snapshot())::text,"
    " case when not pg_is_in_recovery() then pg_current_wal_insert_lsn() end::text";

inline constexpr std::string_view kHorizonName = "pgkeel_horizon";

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
    " has_table_privilege(c.oid, 'select') and has_schema_privilege(n.oid, 'usage')"
    " from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where c.oid >= 16384 and c.relkind in ('r', 'p') and c.relpersistence <> 't'"
    " and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by c.oid limit 20001";

inline constexpr std::string_view kWrite =
    "begin; select pg_logical_emit_message(true, 'pgkeel', 'write probe'); commit";
inline constexpr std::string_view kCollectedLog =
    "select coalesce(pg_current_logfile(), ''), current_setting('data_directory')";

[[nodiscard]] std::vector<Database> read_databases(const client::Rows& rows);
[[nodiscard]] std::vector<Relation> read_relations(const client::Rows& rows);
/// A field as text; empty for NULL.
[[nodiscard]] std::string read_text(const client::Rows& rows, std::size_t row, std::size_t column);

}  // namespace pgkeel::sense
