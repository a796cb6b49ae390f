// See sql.hpp.
#include "recover/sql.hpp"

namespace pgkeel::recover {
namespace {

constexpr Seconds kStatementPatience{30};  // CREATE DATABASE copies a template and checkpoints

}  // namespace

std::string maintenance_database(const Services& services) {
  return services.senses.conninfo().database;
}

runtime::Task<Result<client::Connection>> open_session(Services* services, std::string database,
                                                       std::optional<SteadyTime> until) {
  auto conninfo = services->senses.conninfo();
  conninfo.database = std::move(database);
  client::ConnectOptions options;
  options.deadline = until.value_or(services->loop.after(kStatementPatience));
  options.application_name = "pgkeel recovery";
  options.connect_as = services->client_account;
  // A superuser calls nothing unnamed that others made. A pooler before a server of somebody else
  // may take no options.
  if (services->instance.kind() != instance::Kind::Remote)
    options.settings = {{"search_path", "pg_catalog"}};
  auto connection = co_await client::Connection::open(services->loop, std::move(conninfo), options);
  if (!connection) co_return fail(client::to_error(std::move(connection).error()));
  co_return std::move(*connection);
}

runtime::Task<Result<client::Rows>> run_on(Services* services, client::Connection* connection,
                                           std::string sql,
                                           std::vector<std::optional<std::string>> parameters) {
  auto rows = co_await connection->query(std::move(sql), std::move(parameters),
                                         services->loop.after(kStatementPatience));
  co_return client::plain(std::move(rows));
}

runtime::Task<Result<client::Rows>> run_statement(
    Services* services, std::string database, std::string sql,
    std::vector<std::optional<std::string>> parameters) {
  auto connection = co_await open_session(services, std::move(database));
  if (!connection) co_return fail(connection.error());
  auto rows = co_await run_on(services, &*connection, std::move(sql), std::move(parameters));
  co_return rows;
}

}  // namespace pgkeel::recover
