// One statement on a fresh session of the guard, for the few steps that speak SQL.
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

/// The maintenance database, to which databases are created from: the one of the connection string.
[[nodiscard]] std::string maintenance_database(const Services& services);

}  // namespace pgkeel::recover
