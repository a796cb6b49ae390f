// The statements of a look at health, and how their answers become plain values. Each is one
// bounded SELECT that every role may ask; the server's major decides between the few that differ.
#pragma once

#include <string>
#include <string_view>

#include "client/rows.hpp"
#include "sense/health_facts.hpp"

namespace pgkeel::sense {

// Of the whole server, asked in any of its databases.
[[nodiscard]] std::string sessions_statement();
[[nodiscard]] std::string holders_statement();
[[nodiscard]] std::string limits_statement();
[[nodiscard]] std::string databases_statement();
[[nodiscard]] std::string checkpoints_statement(int server_version);
[[nodiscard]] std::string io_statement(int server_version);
// Of one database.
[[nodiscard]] std::string tables_statement();
[[nodiscard]] std::string dead_rows_statement();
[[nodiscard]] std::string invalid_indexes_statement();
[[nodiscard]] std::string table_count_statement();
/// Where the extension is, what its columns are called, whether its library is loaded.
[[nodiscard]] std::string statements_presence();
/// `view` is quoted; `order_by` and the times are "total_exec_time" or "mean_exec_time" of it.
[[nodiscard]] std::string statements_statement(std::string_view schema, bool old_names,
                                               bool by_mean);

[[nodiscard]] std::vector<HealthSession> read_sessions(const client::Rows& rows);
[[nodiscard]] std::vector<XminHolder> read_holders(const client::Rows& rows);
[[nodiscard]] std::vector<ConnectionLimit> read_limits(const client::Rows& rows);
void read_databases(const client::Rows& rows, HealthFacts& facts);
[[nodiscard]] std::optional<CheckpointFacts> read_checkpoints(const client::Rows& rows);
[[nodiscard]] IoFacts read_io(const client::Rows& rows);
void read_tables(const client::Rows& rows, const std::string& database,
                 std::vector<TableHealth>& tables);
void read_dead_rows(const client::Rows& rows, const std::string& database,
                    std::vector<TableHealth>& tables);
void read_invalid_indexes(const client::Rows& rows, const std::string& database,
                          std::vector<InvalidIndex>& indexes);
[[nodiscard]] std::vector<SlowStatement> read_statements(const client::Rows& rows);

}  // namespace pgkeel::sense
