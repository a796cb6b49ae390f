// See server_facts.hpp.
#include "archive/base_backup/server_facts.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "archive/receive/server.hpp"
#include "pg/sql_text.hpp"

namespace pgkeel::archive {
namespace {

using client::ReplicationSession;

constexpr std::size_t kUnloggedMax = 1000;              // names kept in backup.json
constexpr std::size_t kConfigFilesMax = 200;            // with every file that is included
constexpr std::size_t kConfigFileBytesMax = 1U << 20U;  // larger is no configuration

// Any libc collation whose version the C library tells; "C" and "POSIX" have none.
constexpr const char* kLibcSql =
    "SELECT pg_catalog.pg_collation_actual_version(oid) AS version "
    "FROM pg_catalog.pg_collation WHERE collprovider = 'c' AND oid >= 12000 "
    "AND pg_catalog.pg_collation_actual_version(oid) IS NOT NULL LIMIT 1";

constexpr const char* kDatabasesSql =
    "SELECT datname FROM pg_catalog.pg_database WHERE datallowconn ORDER BY datname";

constexpr const char* kUnloggedSql =
    "SELECT pg_catalog.current_database() || '.' || n.nspname || '.' || c.relname AS name "
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relpersistence = 'u' AND c.relkind IN ('r', 'm') ORDER BY 1 LIMIT 1000";

// pg_file_settings also names the files that are included from postgresql.conf.
constexpr const char* kOutsideSql =
    "WITH files AS (SELECT setting AS path FROM pg_catalog.pg_settings "
    "WHERE name IN ('config_file', 'hba_file', 'ident_file') "
    "UNION SELECT sourcefile FROM pg_catalog.pg_file_settings), "
    "home AS (SELECT pg_catalog.current_setting('data_directory') AS dir) "
    "SELECT path FROM files, home WHERE path IS NOT NULL "
    "AND NOT pg_catalog.starts_with(path, dir || '/') ORDER BY path LIMIT 200";

std::vector<std::string> first_column(const client::TextRows& rows) {
  std::vector<std::string> values;
  for (const auto& row : rows.rows)
    if (!row.empty() && row[0]) values.push_back(*row[0]);
  return values;
}

Result<std::vector<std::string>> unlogged_of(pg::Conninfo conninfo, const std::string& database,
                                             const client::ReplicationOptions& options) {
  conninfo.database = database;
  TRY(session, ReplicationSession::open(conninfo, options));
  TRY(rows, session.run(kUnloggedSql));
  return first_column(rows);
}

void read_unlogged(ReplicationSession& session, const pg::Conninfo& conninfo,
                   const client::ReplicationOptions& options, const Warn& warn, SqlFacts& facts) {
  const auto databases = session.run(kDatabasesSql);
  if (!databases)
    return warn(fmt::format("unlogged tables are not known: {}", databases.error().message()));
  for (const auto& database : first_column(*databases)) {
    auto names = unlogged_of(conninfo, database, options);
    if (!names)
      warn(fmt::format("unlogged tables of database {} are not known: {}", database,
                       names.error().message()));
    else facts.unlogged.insert(facts.unlogged.end(), names->begin(), names->end());
  }
  if (facts.unlogged.size() > kUnloggedMax) facts.unlogged.resize(kUnloggedMax);
}

std::optional<std::string> from_hex(std::string_view hex) {
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned value = 0;
    const auto* const end = hex.data() + i + 2;
    if (std::from_chars(hex.data() + i, end, value, 16).ptr != end) return std::nullopt;
    bytes += static_cast<char>(value);
  }
  return bytes;
}

Result<std::string> read_config_file(ReplicationSession& session, const std::string& path) {
  const auto literal = pg::quote_literal(path);
  if (!literal) return fail(ErrorCode::Malformed, "an impossible path");
  TRY(rows, session.run(fmt::format(
                "SELECT pg_catalog.encode(pg_catalog.pg_read_binary_file({}, 0, {}), 'hex') AS hex",
                *literal, kConfigFileBytesMax)));
  const auto* const hex = rows.at(0, "hex");
  auto content = hex != nullptr ? from_hex(*hex) : std::nullopt;
  if (!content) return fail(ErrorCode::Malformed, "the server sent no content");
  return std::move(*content);
}

void read_outside(ReplicationSession& session, const Warn& warn, SqlFacts& facts) {
  const auto paths = session.run(kOutsideSql);
  if (!paths)
    return warn(fmt::format("configuration outside the data directory is not kept: {}",
                            paths.error().message()));
  for (const auto& path : first_column(*paths)) {
    if (facts.outside.size() == kConfigFilesMax) return;
    auto content = read_config_file(session, path);
    if (content) facts.outside.push_back({path, std::move(*content)});
    else warn(fmt::format("{} is not kept: {}", path, content.error().message()));
  }
}

}  // namespace

Result<ServerFacts> read_server_facts(ReplicationSession& session) {
  ServerFacts facts;
  TRY(identity, identify(session));
  facts.system_id = identity.system_id;
  facts.wal_segment_bytes = identity.segment_bytes;
  TRY(checksums, session.run("SHOW data_checksums"));
  const auto* const shown = checksums.at(0, "data_checksums");
  facts.data_checksums = shown != nullptr && *shown == "on";
  return facts;
}

SqlFacts read_sql_facts(const pg::Conninfo& conninfo, const client::ReplicationOptions& options,
                        const Warn& warn) {
  SqlFacts facts;
  auto sql = options;
  sql.mode = client::ReplicationMode::Sql;
  auto session = ReplicationSession::open(conninfo, sql);
  if (!session) {
    warn(fmt::format(
        "unlogged tables and configuration outside the data directory are not known: {}",
        session.error().message()));
    return facts;
  }
  if (const auto libc = session->run(kLibcSql); libc && libc->at(0, "version") != nullptr)
    facts.libc = "glibc " + *libc->at(0, "version");
  read_unlogged(*session, conninfo, sql, warn, facts);
  read_outside(*session, warn, facts);
  return facts;
}

}  // namespace pgkeel::archive
