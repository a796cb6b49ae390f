// See checks.hpp.
#include "archive/drill/checks.hpp"

#include <fmt/format.h>

#include "pg/sql_text.hpp"

namespace pgkeel::archive {
namespace {

constexpr const char* kDatabases =
    "select datname from pg_database where datallowconn and datname <> 'template0' order by 1";
constexpr const char* kTables =
    "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
    "where c.relkind in ('r', 'm') and c.relpersistence = 'p' and n.nspname <> "
    "'information_schema' and n.nspname !~ '^pg_' order by 1, 2";
constexpr const char* kHasAmcheck = "select 1 from pg_available_extensions where name = 'amcheck'";
// As pg_amcheck asks it; an index that is not valid is not to be checked.
constexpr const char* kCheckIndexes =
    "select count(bt_index_check(c.oid)) from pg_index i join pg_class c on c.oid = i.indexrelid "
    "join pg_am a on a.oid = c.relam where a.amname = 'btree' and c.relpersistence = 'p' and "
    "i.indisvalid and i.indisready";
constexpr const char* kCheckHeaps =
    "select count(*), min(format('%s block %s: %s', c.oid::regclass, v.blkno, v.msg)) from "
    "pg_class c, lateral verify_heapam(c.oid) v where c.relkind in ('r', 'm') and "
    "c.relpersistence = 'p'";
constexpr int kHeapCheckSince = 14;

struct Counts {
  std::size_t databases = 0;
  std::size_t tables = 0;
  std::int64_t rows = 0;
  std::int64_t indexes = 0;
  bool amcheck = false;
};

Result<std::string> first_value(client::ReplicationSession& session, const std::string& sql) {
  TRY(rows, session.run(sql));
  if (rows.rows.empty() || rows.rows.front().empty()) return std::string();
  return rows.rows.front().front().value_or("");
}

Result<void> count_rows(client::ReplicationSession& session, const std::string& database,
                        Proof& proof, Counts& counts) {
  TRY(tables, session.run(kTables));
  for (const auto& row : tables.rows) {
    const std::string schema = row.at(0).value_or("");
    const std::string table = row.at(1).value_or("");
    TRY(quoted_schema, pg::quote_identifier(schema));
    TRY(quoted_table, pg::quote_identifier(table));
    TRY(count, first_value(session,
                           fmt::format("select count(*) from {}.{}", quoted_schema, quoted_table)));
    const auto number = static_cast<std::int64_t>(std::stoll(count));
    proof.rows[database + "." + schema + "." + table] = number;
    counts.rows += number;
    ++counts.tables;
  }
  return {};
}

Result<void> check_structures(client::ReplicationSession& session, const std::string& database,
                              Counts& counts) {
  TRY(available, first_value(session, kHasAmcheck));
  if (available.empty()) return {};
  counts.amcheck = true;
  TRY_VOID(session.run("create extension if not exists amcheck"));
  TRY(indexes, first_value(session, kCheckIndexes));
  counts.indexes += std::stoll(indexes);
  if (session.major() < kHeapCheckSince) return {};
  TRY(heaps, session.run(kCheckHeaps));
  const auto damaged = heaps.rows.at(0).at(0).value_or("0");
  if (damaged == "0") return {};
  return fail(ErrorCode::Malformed,
              fmt::format("database {}: {} damaged places, first {}", database, damaged,
                          heaps.rows.at(0).at(1).value_or("")));
}

Result<void> ask(const PrivateServer& server, const DrillQuestion& question) {
  TRY(session, server.connect(question.database));
  TRY_VOID(session.run("set default_transaction_read_only = on"));
  TRY(answer, session.run(question.sql));
  const bool any = !answer.rows.empty() && !answer.rows.front().empty();
  const auto wrong = question.objection(any, any ? answer.rows.front().front() : std::nullopt);
  if (!wrong) return {};
  return fail(ErrorCode::Failed,
              fmt::format("{}: \"{}\" {}", question.database, question.sql, *wrong));
}

}  // namespace

Result<void> ask_restored(const PrivateServer& server, const std::vector<DrillQuestion>& questions,
                          Proof& proof) {
  TRY(catalog, server.connect("template1"));
  TRY(databases, catalog.run(kDatabases));
  Counts counts;
  for (const auto& row : databases.rows) {
    const std::string database = row.at(0).value_or("");
    TRY(session, server.connect(database));
    TRY_VOID(count_rows(session, database, proof, counts));
    TRY_VOID(check_structures(session, database, counts));
    ++counts.databases;
  }
  for (const auto& question : questions) TRY_VOID(ask(server, question));
  proof.checked.push_back(fmt::format("{} databases, {} tables, {} rows read", counts.databases,
                                      counts.tables, counts.rows));
  proof.checked.push_back(counts.amcheck
                              ? fmt::format("{} indexes and every table by amcheck", counts.indexes)
                              : "amcheck is not installed: structures were not checked");
  if (!questions.empty())
    proof.checked.push_back(fmt::format("{} of your invariants", questions.size()));
  return {};
}

}  // namespace pgkeel::archive
