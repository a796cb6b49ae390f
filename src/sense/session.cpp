// See session.hpp.
#include "sense/session.hpp"

#include <fmt/format.h>

namespace pgkeel::sense {

ProbeResult probe_result_of(const client::DbError& error) {
  if (error.error.code == ErrorCode::TimedOut) return ProbeResult::TimedOut;
  if (!error.sqlstate().empty()) return ProbeResult::Rejected;
  return error.phase == client::Phase::Connect ? ProbeResult::Refused : ProbeResult::Rejected;
}

runtime::Task<client::DbResult<client::Connection>> open_session(Board* board, std::string database,
                                                                 std::string application) {
  auto conninfo = board->options.conninfo;
  conninfo.database = std::move(database);
  const auto timeout_ms = board->options.timeout.count();
  client::ConnectOptions options;
  options.deadline = board->loop.after(board->options.timeout);
  options.application_name = std::move(application);
  options.connect_as = board->options.connect_as;
  // A pooler in front of a server that is visited may take no options; a visit sets its own limits.
  if (board->options.keeps_sessions())
    options.settings = {{"search_path", "pg_catalog"},  // nothing others made is called unnamed
                        {"statement_timeout", std::to_string(timeout_ms)},
                        {"lock_timeout", std::to_string(timeout_ms)},
                        {"jit", "off"},
                        {"max_parallel_workers_per_gather", "0"},
                        {"synchronous_commit", "local"}};
  auto connection = co_await client::Connection::open(board->loop, std::move(conninfo), options);
  co_return connection;
}

}  // namespace pgkeel::sense
