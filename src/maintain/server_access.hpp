// How this room reaches a server: short sessions of their own, each call bounded.
#pragma once

#include <optional>
#include <string>

#include "client/connection.hpp"
#include "pg/conninfo.hpp"
#include "runtime/account.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::maintain {

struct ServerAccess {
  runtime::Loop* loop = nullptr;
  pg::Conninfo conninfo;
  std::optional<runtime::Account> connect_as;
};

/// To the conninfo's own database when `database` is empty. Its search_path is pg_catalog: it may
/// be a superuser's, in a database where others create functions and operators.
runtime::Task<Result<client::Connection>> connect(const ServerAccess* access, std::string database,
                                                  std::string application_name);
/// One statement.
runtime::Task<Result<client::Rows>> ask(const ServerAccess* access, client::Connection* connection,
                                        std::string sql, client::Params params = {});
/// Several, by the simple protocol.
runtime::Task<Result<void>> run_script(const ServerAccess* access, client::Connection* connection,
                                       std::string sql);

/// Empty for NULL.
[[nodiscard]] std::string text_at(const client::Rows& rows, std::size_t row, std::size_t column);

}  // namespace pgkeel::maintain
