// See live_session.hpp.
#include "integration/gateway/live_session.hpp"

#include <stdexcept>

namespace pgkeel::test {
namespace {

using gateway::sql::BitSet;
using gateway::sql::Tie;
using ResultPtr = std::unique_ptr<PGresult, decltype(&PQclear)>;

// Each row holds what of a kind lives in the session.
struct Look {
  Tie tie;
  const char* count;
};
constexpr Look kLooks[] = {
    {Tie::Listen, "select count(*) from pg_catalog.pg_listening_channels()"},
    {Tie::TempObject,
     "select (select count(*) from pg_class where relnamespace = "
     "pg_catalog.pg_my_temp_schema())"
     " + (select count(*) from pg_catalog.pg_proc where pronamespace = "
     "pg_catalog.pg_my_temp_schema())"
     " + (select count(*) from pg_catalog.pg_type where typnamespace = "
     "pg_catalog.pg_my_temp_schema())"},
    {Tie::AdvisoryLock,
     "select count(*) from pg_catalog.pg_locks where locktype = 'advisory' and pid = "
     "pg_catalog.pg_backend_pid()"},
    {Tie::HoldCursor, "select count(*) from pg_catalog.pg_cursors where is_holdable"},
    {Tie::Prepared, "select count(*) from pg_catalog.pg_prepared_statements where from_sql"},
    {Tie::Authorization, "select (session_user <> 'postgres')::int"},
    {Tie::Library,
     "select count(*) from pg_catalog.pg_settings where name = 'auto_explain.log_level'"},
};

}  // namespace

LiveSession::LiveSession(const PostgresServer& server)
    : connection_(PQconnectdb(server.conninfo().c_str()), &PQfinish) {
  if (PQstatus(connection_.get()) != CONNECTION_OK)
    throw std::runtime_error(PQerrorMessage(connection_.get()));
  PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
}

bool LiveSession::run(const std::string& sql) {
  auto* connection = connection_.get();
  bool well = PQsendQuery(connection, sql.c_str()) == 1;
  while (const ResultPtr result{PQgetResult(connection), &PQclear}) {
    const auto status = PQresultStatus(result.get());
    if (status == PGRES_COPY_IN) PQputCopyEnd(connection, nullptr);
    char* line = nullptr;
    while (status == PGRES_COPY_OUT && PQgetCopyData(connection, &line, 0) > 0) PQfreemem(line);
    well = well && status != PGRES_FATAL_ERROR;
  }
  return well;
}

std::vector<std::vector<std::optional<std::string>>> LiveSession::nullable_rows(
    const std::string& sql) {
  const ResultPtr result(PQexec(connection_.get(), sql.c_str()), &PQclear);
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK)
    throw std::runtime_error(sql + ": " + PQresultErrorMessage(result.get()));
  std::vector<std::vector<std::optional<std::string>>> rows;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    auto& values = rows.emplace_back();
    for (int column = 0; column < PQnfields(result.get()); ++column)
      if (PQgetisnull(result.get(), row, column) != 0) values.emplace_back();
      else values.emplace_back(PQgetvalue(result.get(), row, column));
  }
  return rows;
}

std::vector<std::vector<std::string>> LiveSession::rows(const std::string& sql) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : nullable_rows(sql)) {
    auto& values = rows.emplace_back();
    for (const auto& value : row) values.push_back(value.value_or(""));
  }
  return rows;
}

std::string LiveSession::value(const std::string& sql) {
  const auto all = rows(sql);
  return all.empty() ? std::string() : all.front().front();
}

void LiveSession::end_transaction(const std::string& how) {
  if (PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) run(how);
}

BitSet<Tie> LiveSession::ties() {
  BitSet<Tie> seen;
  for (const auto& [tie, count] : kLooks)
    if (value(count) != "0") seen.add(tie);
  return seen;
}

std::map<std::string, std::string> LiveSession::settings(const std::vector<std::string>& custom) {
  std::map<std::string, std::string> seen;
  // A SET LOCAL that is over leaves the source behind, and the value of before. Three are of the
  // transaction that looks.
  for (const auto& row : rows("select pg_catalog.lower(name), setting from pg_catalog.pg_settings"
                              " where source = 'session' and setting is distinct from reset_val "
                              "and name not like 'transaction%'"))
    seen[row[0]] = row[1];
  const auto role = value("select pg_catalog.current_setting('role')");
  if (role != "none") seen["role"] = role;
  for (const auto& name : custom) {
    const auto setting = value("select pg_catalog.current_setting('" + name + "', true)");
    if (!setting.empty()) seen[name] = setting;
  }
  return seen;
}

}  // namespace pgkeel::test
