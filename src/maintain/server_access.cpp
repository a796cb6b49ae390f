// See server_access.hpp.
#include "maintain/server_access.hpp"

namespace pgkeel::maintain {
namespace {

using client::Connection;
using runtime::Task;

constexpr Seconds kPatience{10};  // a change of the catalog waits for locks no longer than half

}  // namespace

Task<Result<Connection>> connect(const ServerAccess* access, std::string database,
                                 std::string application_name) {
  client::ConnectOptions options;
  options.deadline = access->loop->after(kPatience);
  options.connect_as = access->connect_as;
  options.application_name = std::move(application_name);
  options.settings = {{"search_path", "pg_catalog"}};  // nothing anybody made is called unnamed
  auto conninfo = access->conninfo;
  if (!database.empty()) conninfo.database = std::move(database);
  auto opened = co_await Connection::open(*access->loop, std::move(conninfo), std::move(options));
  if (!opened) co_return fail(opened.error().error);
  co_return std::move(*opened);
}

Task<Result<client::Rows>> ask(const ServerAccess* access, Connection* connection, std::string sql,
                               client::Params params) {
  auto rows =
      co_await connection->query(std::move(sql), std::move(params), access->loop->after(kPatience));
  if (!rows) co_return fail(rows.error().error);
  co_return std::move(*rows);
}

Task<Result<void>> run_script(const ServerAccess* access, Connection* connection, std::string sql) {
  const auto done = co_await connection->execute(std::move(sql), access->loop->after(kPatience));
  if (!done) co_return fail(done.error().error);
  co_return Result<void>();
}

std::string text_at(const client::Rows& rows, std::size_t row, std::size_t column) {
  return std::string(rows.text(row, column).value_or(""));
}

}  // namespace pgkeel::maintain
