// Statements on fresh sessions of the guard, for the steps that speak SQL. Where clients find no
// connection left, a superuser still gets one of those that are reserved.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/connection.hpp"
#include "recover/playbook.hpp"

namespace pgkeel::recover {

/// Connects to `database`, runs the statement, disconnects. Bounded by kStatementPatience.
runtime::Task<Result<client::Rows>> run_statement(
    Services* services, std::string database, std::string sql,
    std::vector<std::optional<std::string>> parameters = {});

/// A session for several statements, whose search_path is pg_catalog; closed by its destruction.
/// Bounded likewise, or by `until`.
runtime::Task<Result<client::Connection>> open_session(Services* services, std::string database,
                                                       std::optional<SteadyTime> until = {});
/// One statement on it, bounded in the same way.
runtime::Task<Result<client::Rows>> run_on(Services* services, client::Connection* connection,
                                           std::string sql,
                                           std::vector<std::optional<std::string>> parameters = {});

/// The maintenance database, to which databases are created from: the one of the connection string.
[[nodiscard]] std::string maintenance_database(const Services& services);

}  // namespace pgkeel::recover
