// See server_sql.hpp.
#include "archive/dump/server_sql.hpp"

#include <charconv>

#include <fmt/format.h>

#include "pg/sql_text.hpp"

namespace pgkeel::archive {
namespace {

constexpr Millis kLoginLimit{10'000};
constexpr int kTransactionTimeoutSince = 170'000;
constexpr const char* kUndefinedTable = "42P01";
constexpr const char* kInvalidSchema = "3F000";

constexpr const char* kIdentity =
    "select (select system_identifier from pg_control_system()) as system,"
    " (select timeline_id from pg_control_checkpoint()) as timeline,"
    " (select bytes_per_wal_segment from pg_control_init()) as segment,"
    " case when pg_is_in_recovery() then coalesce(pg_last_wal_replay_lsn(), '0/0')"
    " else pg_current_wal_flush_lsn() end as lsn,"
    " (select rolsuper from pg_roles where rolname = current_user) as superuser";
// Those a managed service keeps for itself let nobody in, whatever the catalog says.
constexpr const char* kDatabases =
    "select datname from pg_database where datallowconn and datname <> 'template0' and "
    "not datistemplate and has_database_privilege(oid, 'connect') and datname not in ('rdsadmin', "
    "'cloudsqladmin', 'azure_maintenance', 'azure_sys') order by 1";
// Members of extensions are the extension's; what they hold is dumped only in parts.
constexpr const char* kTables =
    "select n.nspname, c.relname, c.oid from pg_class c join pg_namespace n on n.oid = "
    "c.relnamespace "
    "where c.relkind = 'r' and c.relpersistence in ('p', 'u') and n.nspname <> "
    "'information_schema' and n.nspname !~ '^pg_' and not exists (select from pg_depend d where "
    "d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e') order by 1, 2";
// Columns that not every major has are asked by name.
constexpr const char* kLocale =
    "select pg_encoding_to_char(d.encoding) as encoding, d.datcollate as \"collate\", d.datctype "
    "as ctype, coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') as provider, "
    "coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale', '') as locale "
    "from pg_database d where d.datname = current_database()";

std::string value(const client::TextRows& rows, std::string_view column) {
  const auto* const text = rows.at(0, column);
  return text == nullptr ? std::string() : *text;
}

template <class Number>
Result<Number> number(const std::string& text) {
  Number parsed{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(ErrorCode::Malformed, "the server sent no number");
  return parsed;
}

}  // namespace

Result<client::ReplicationSession> open_sql(const DumpServer& server, const std::string& database) {
  auto conninfo = server.conninfo;
  if (!database.empty()) conninfo.database = database;
  TRY(session, client::ReplicationSession::open(conninfo, {.mode = client::ReplicationMode::Sql,
                                                           .application_name = "pgkeel dump",
                                                           .timeout = kLoginLimit,
                                                           .answer_timeout = kClientPatience,
                                                           .connect_as = server.connect_as}));
  TRY_VOID(session.run("set search_path to pg_catalog"));
  TRY_VOID(session.run("set client_encoding to 'UTF8'"));
  TRY_VOID(session.run("set statement_timeout to 0"));
  TRY_VOID(session.run("set idle_in_transaction_session_timeout to 0"));
  if (session.server_version_num() >= kTransactionTimeoutSince)
    TRY_VOID(session.run("set transaction_timeout to 0"));
  return session;
}

Result<DumpedServer> read_dumped_server(const DumpServer& server) {
  TRY(session, open_sql(server, ""));
  TRY(rows, session.run(kIdentity));
  DumpedServer found;
  TRY(system_id, parse_system_id(value(rows, "system")));
  TRY(timeline, number<std::uint32_t>(value(rows, "timeline")));
  TRY(segment_bytes, number<std::uint64_t>(value(rows, "segment")));
  TRY(lsn, parse_lsn(value(rows, "lsn")));
  found.marker = {system_id, segment_bytes, wall_now()};
  found.position = {TimelineId(timeline), lsn};
  found.version_num = session.server_version_num();
  found.superuser = value(rows, "superuser") == "t";
  TRY(databases, session.run(kDatabases));
  for (const auto& row : databases.rows) found.databases.push_back(row.at(0).value_or(""));
  return found;
}

Result<DatabaseLocale> read_locale(client::ReplicationSession& session) {
  TRY(rows, session.run(kLocale));
  return DatabaseLocale{value(rows, "encoding"), value(rows, "collate"), value(rows, "ctype"),
                        value(rows, "provider"), value(rows, "locale")};
}

Result<std::string> first_value(client::ReplicationSession& session, const std::string& sql) {
  TRY(rows, session.run(sql));
  if (rows.rows.empty() || rows.rows.front().empty()) return std::string();
  return rows.rows.front().front().value_or("");
}

Result<CountedTables> count_rows(client::ReplicationSession& session, const std::stop_token& stop) {
  TRY(tables, session.run(kTables));
  CountedTables counted;
  for (const auto& row : tables.rows) {
    if (stop.stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
    const std::string schema = row.at(0).value_or("");
    const std::string table = row.at(1).value_or("");
    TRY(name, pg::quote_qualified(schema, table));
    const auto text = first_value(session, "select count(*) from only " + name);
    if (!text) {
      auto error = text.error();
      if (error.sqlstate == kUndefinedTable || error.sqlstate == kInvalidSchema)
        error.code = ErrorCode::NotFound;
      return fail(std::move(error));
    }
    TRY(count, number<std::int64_t>(*text));
    counted.rows[schema + "." + table] = count;
    counted.oids[schema + "." + table] = row.at(2).value_or("");
  }
  return counted;
}

}  // namespace pgkeel::archive
