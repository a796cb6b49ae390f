// See sql.hpp.
#include "recover/sql.hpp"

namespace pgkeel::recover {
namespace {

constexpr Seconds kStatementPatience{30};  // CREATE DATABASE copies a template and checkpoints

}  // namespace

std::string maintenance_database(const Services& services) {
  return services.senses.conninfo().database;
}

runtime::Task<Result<client::Rows>> run_statement(
    Services* services, std::string database, std::string sql,
    std::vector<std::optional<std::string>> parameters) {
  auto conninfo = services->senses.conninfo();
  conninfo.database = std::move(database);
  const auto deadline = services->loop.after(kStatementPatience);
  client::ConnectOptions options;
  options.deadline = deadline;
  options.application_name = "pgkeel recovery";
  options.connect_as = services->client_account;
  auto connection = co_await client::Connection::open(services->loop, std::move(conninfo), options);
  if (!connection) co_return fail(client::to_error(std::move(connection).error()));
  auto rows = co_await connection->query(std::move(sql), std::move(parameters), deadline);
  co_return client::plain(std::move(rows));
}

}  // namespace pgkeel::recover
