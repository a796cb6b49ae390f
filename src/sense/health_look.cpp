// See health_look.hpp.
#include "sense/health_look.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sense/catalog_rows.hpp"
#include "sense/health_rows.hpp"
#include "sense/session.hpp"

namespace pgkeel::sense {
namespace {

using client::Connection;
using client::Rows;
using runtime::Task;

constexpr std::string_view kApplication = "pgkeel doctor";

/// One session of the look, and where its answers go.
struct Asking {
  Board* board;
  HealthFacts* facts;
  SteadyTime deadline;
  std::string database;
  std::optional<Connection> session;
};

// Null when it was not answered, with the reason in `unseen`.
Task<std::optional<Rows>> ask(Asking* asking, std::string_view what, std::string sql) {
  if (!asking->session->usable()) co_return std::nullopt;
  const auto until =
      std::min(asking->deadline, asking->board->loop.after(asking->board->options.timeout));
  auto rows = co_await asking->session->query(std::move(sql), {}, until);
  if (rows) co_return std::move(*rows);
  asking->facts->unseen.push_back(
      fmt::format("{} of {}: {}", what, asking->database, rows.error().error.detail));
  co_return std::nullopt;
}

Task<bool> begin(Asking* asking) {
  auto opened = co_await open_session(asking->board, asking->database, std::string(kApplication));
  if (opened) {
    asking->session.emplace(std::move(*opened));
    co_return true;
  }
  asking->facts->unseen.push_back(
      fmt::format("database {}: {}", asking->database, opened.error().error.detail));
  co_return false;
}

Task<void> ask_of_server(Asking* asking) {
  auto& facts = *asking->facts;
  facts.server_version = asking->session->server_version_num();
  const auto sessions = co_await ask(asking, "sessions", sessions_statement());
  if (sessions) facts.sessions = read_sessions(*sessions);
  const auto holders = co_await ask(asking, "old transactions", holders_statement());
  if (holders) facts.holders = read_holders(*holders);
  const auto limits = co_await ask(asking, "connection limits", limits_statement());
  if (limits) facts.limits = read_limits(*limits);
  const auto databases = co_await ask(asking, "databases", databases_statement());
  if (databases) read_databases(*databases, facts);
  const auto checkpoints =
      co_await ask(asking, "checkpoints", checkpoints_statement(facts.server_version));
  if (checkpoints) facts.checkpoints = read_checkpoints(*checkpoints);
  const auto io = co_await ask(asking, "input and output", io_statement(facts.server_version));
  if (io) facts.io = read_io(*io);
}

std::string how_to_get(bool loaded, const std::string& database) {
  const std::string create =
      fmt::format("CREATE EXTENSION pg_stat_statements; (in database {})", database);
  if (loaded) return create;
  return "shared_preload_libraries = 'pg_stat_statements' in postgresql.conf, a restart, then " +
         create;
}

// It shows the statements of all databases wherever it is installed; the first place does.
Task<bool> ask_for_statements(Asking* asking) {
  auto& facts = asking->facts->statements;
  const auto presence = co_await ask(asking, "pg_stat_statements", statements_presence());
  if (!presence || presence->size() != 1) co_return false;
  const bool loaded = read_text(*presence, 0, 0) == "t";
  const auto schema = read_text(*presence, 0, 1);
  if (schema.empty() || !loaded) {
    if (facts.missing.empty()) facts.missing = how_to_get(loaded, asking->database);
    co_return false;
  }
  const bool old_names = read_text(*presence, 0, 2) == "t";
  facts.missing.clear();
  facts.sees_others = asking->facts->sees_others;
  const auto by_total =
      co_await ask(asking, "slow statements", statements_statement(schema, old_names, false));
  if (by_total) facts.by_total = read_statements(*by_total);
  else facts.unavailable = asking->facts->unseen.back();
  const auto by_mean =
      co_await ask(asking, "slow statements", statements_statement(schema, old_names, true));
  if (by_mean) facts.by_mean = read_statements(*by_mean);
  co_return true;
}

Task<void> ask_of_database(Asking* asking, DatabaseHealth* database) {
  auto& facts = *asking->facts;
  const auto count = co_await ask(asking, "table count", table_count_statement());
  if (count && count->size() == 1) database->tables = count->int64(0, 0).value_or(0);
  const auto invalid = co_await ask(asking, "indexes", invalid_indexes_statement());
  if (invalid) read_invalid_indexes(*invalid, database->name, facts.invalid);
  const auto dead = co_await ask(asking, "dead rows", dead_rows_statement());
  if (dead) read_dead_rows(*dead, database->name, facts.dead);
  const auto tables = co_await ask(asking, "table sizes", tables_statement());
  if (tables) read_tables(*tables, database->name, facts.largest);
  database->looked_into = invalid && dead && tables;
}

template <class Item>
void keep_first(std::vector<Item>& items) {
  if (items.size() > kHealthRowsMax) items.resize(kHealthRowsMax);
}

// What came from database after database, in one order.
void put_in_order(HealthFacts& facts) {
  std::ranges::sort(facts.largest, std::ranges::greater{}, &TableHealth::total_bytes);
  std::ranges::sort(facts.dead, std::ranges::greater{}, &TableHealth::dead_rows);
  keep_first(facts.largest);
  keep_first(facts.dead);
  keep_first(facts.invalid);
}

}  // namespace

Task<HealthFacts> look_at_health(Board* board, SteadyTime deadline) {
  HealthFacts facts;
  Asking server{board, &facts, deadline, board->options.conninfo.database, std::nullopt};
  const bool begun = co_await begin(&server);
  if (!begun) {
    facts.unavailable = facts.unseen.back();
    facts.unseen.clear();
    co_return facts;
  }
  facts.seen = true;
  co_await ask_of_server(&server);
  bool has_statements = co_await ask_for_statements(&server);
  server.session.reset();
  for (std::size_t i = 0; i < std::min(facts.databases.size(), kHealthDatabasesMax); ++i) {
    if (board->loop.now() >= deadline) {
      facts.unseen.push_back("there was no time for all databases");
      break;
    }
    Asking asking{board, &facts, deadline, facts.databases[i].name, std::nullopt};
    const bool in = co_await begin(&asking);
    if (!in) continue;
    co_await ask_of_database(&asking, &facts.databases[i]);
    if (!has_statements) has_statements = co_await ask_for_statements(&asking);
  }
  put_in_order(facts);
  co_return facts;
}

}  // namespace pgkeel::sense
