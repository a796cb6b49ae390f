// See overview.hpp.
#include "gateway/relay/overview.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "gateway/relay/client.hpp"
#include "gateway/relay/pool.hpp"
#include "gateway/relay/server.hpp"
#include "gateway/relay/worker.hpp"
#include "gateway/sql/shown_text.hpp"
#include "pg/wire/fields.hpp"

namespace pgkeel::gateway {
namespace {

using admin::Topic;

std::int32_t count(std::size_t number) { return static_cast<std::int32_t>(number); }

std::string mode_name(Sharing sharing) {
  return sharing == Sharing::Session ? "session" : "transaction";
}

std::string identity(const void* of) { return fmt::format("{}", of); }

std::string state_of(const Server& server) {
  if (!server.ready()) return "login";
  return server.client() != nullptr ? "active" : "idle";
}

}  // namespace

bool is_console(std::string_view database) {
  return database == "pgkeel" || database == "pgbouncer";
}

admin::Snapshots Overview::show(Topic topic) {
  pools_.clear();
  clients_.clear();
  servers_.clear();
  stats_.clear();
  databases_.clear();
  config_.clear();
  lists_.clear();
  users_.clear();
  state_.clear();
  prepared_statements_.clear();
  if (topic == Topic::Pools) add_pools();
  if (topic == Topic::Clients || topic == Topic::Servers) add_connections();
  add_stats();
  if (topic == Topic::Databases) add_databases();
  if (topic == Topic::Lists || topic == Topic::Users) add_lists();
  if (topic == Topic::State) add_state();
  if (topic == Topic::PreparedStatements) add_prepared_statements();
  const auto& settings = worker_.settings();
  config_ = {
      {"pool_mode", mode_name(settings.pool.sharing), "session", "no"},
      {"default_pool_size", std::to_string(settings.pool.size), "20", "no"},
      {"max_client_conn", std::to_string(settings.clients_most), "10000", "no"},
      {"query_wait_timeout", std::to_string(settings.pool.wait_most.count() / 1000), "25", "no"}};
  admin::Snapshots shown;
  shown.pools = pools_;
  shown.clients = clients_;
  shown.servers = servers_;
  shown.stats = stats_;
  shown.databases = databases_;
  shown.config = config_;
  shown.lists = lists_;
  shown.users = users_;
  shown.state = state_;
  shown.prepared_statements = prepared_statements_;
  shown.version = worker_.settings().version;
  return shown;
}

void Overview::add_pools() {
  for (const auto& [key, pool] : worker_.pools()) {
    admin::PoolSnapshot shown{.database = key.database, .user = key.user};
    shown.clients_waiting = count(pool->waiting());
    shown.clients_active = count(pool->clients - std::min(pool->clients, pool->waiting()));
    for (const auto& server : pool->all()) {
      if (!server->ready()) ++shown.servers_login;
      else if (server->client() != nullptr) ++shown.servers_active;
      else ++shown.servers_idle;
    }
    const auto waited = pool->longest_wait(worker_.now());
    shown.longest_wait_s = count(static_cast<std::size_t>(waited.count() / 1'000'000));
    shown.longest_wait_us = count(static_cast<std::size_t>(waited.count() % 1'000'000));
    shown.pool_mode = mode_name(worker_.settings().pool.sharing);
    pools_.push_back(std::move(shown));
  }
}

void Overview::add_connections() {
  for (const auto& client : worker_.all_clients()) {
    if (client->pool() == nullptr) continue;
    const auto& key = client->pool()->key();
    admin::ConnectionSnapshot shown{.type = "C", .user = key.user, .database = key.database};
    shown.state = client->waiting() ? "waiting" : "active";
    shown.pointer = identity(client.get());
    if (client->server() != nullptr) shown.link = identity(client->server());
    shown.application_name = client->application();
    if (client->session().statements() != nullptr)
      shown.prepared_statements = count(client->session().statements()->size());
    clients_.push_back(std::move(shown));
  }
  for (const auto& [key, pool] : worker_.pools())
    for (const auto& server : pool->all()) {
      admin::ConnectionSnapshot shown{.type = "S", .user = key.user, .database = key.database};
      shown.state = state_of(*server);
      shown.address = worker_.settings().server.text;
      shown.tls = server->cipher();
      shown.pointer = identity(server.get());
      if (server->client() != nullptr) shown.link = identity(server->client());
      if (server->cancel_key())
        shown.remote_pid = static_cast<std::int32_t>(server->cancel_key()->process_id);
      shown.prepared_statements = count(server->session().statements().size());
      servers_.push_back(std::move(shown));
    }
}

void Overview::add_stats() {
  auto by_database = worker_.former_totals();
  for (const auto& [key, pool] : worker_.pools()) by_database[key.database] += pool->counters();
  for (const auto& [database, totals] : by_database) stats_.push_back({database, totals, {}});
}

void Overview::add_databases() {
  std::map<std::string, std::int32_t> servers;
  const auto& paused = worker_.pauses().databases();
  for (const auto& name : paused.by_name()) servers[name] = 0;
  for (const auto& [key, pool] : worker_.pools()) servers[key.database] += count(pool->servers());
  for (const auto& [name, open] : servers) {
    admin::DatabaseSnapshot shown{
        .name = name, .host = worker_.settings().server.text, .database = name};
    shown.pool_size = count(worker_.settings().pool.size);
    shown.pool_mode = mode_name(worker_.settings().pool.sharing);
    shown.current_connections = open;
    shown.paused = paused.has(name) ? 1 : 0;
    databases_.push_back(std::move(shown));
  }
}

void Overview::add_lists() {
  std::set<std::string> databases, users;
  std::size_t servers = 0, idle = 0;
  for (const auto& [key, pool] : worker_.pools()) {
    databases.insert(key.database);
    users.insert(key.user);
    servers += pool->servers();
    idle += pool->idle();
  }
  lists_ = {{"databases", count(databases.size())},
            {"users", count(users.size())},
            {"pools", count(worker_.pools().size())},
            {"used_clients", count(worker_.clients())},
            {"free_servers", count(idle)},
            {"used_servers", count(servers - idle)}};
  for (const auto& user : users) users_.push_back({.name = user});
}

// Of a client that has one by several names it is counted once.
void Overview::add_prepared_statements() {
  using Row = std::pair<const Pool*, std::uint64_t>;
  std::map<Row, admin::PreparedStatementSnapshot> rows;
  const auto row_of = [&](const Pool& pool, const Statement& statement) -> auto& {
    auto& row = rows[{&pool, statement.number()}];
    if (!row.name.empty()) return row;
    const auto text = pg::wire::text_of(statement.text_and_types());
    row = {.name = std::string(statement.name()),
           .database = pool.key().database,
           .user = pool.key().user,
           .statement = sql::shown_text(text.substr(0, text.find('\0')), statement.rules())};
    return row;
  };
  for (const auto& client : worker_.all_clients()) {
    const auto* statements = client->session().statements();
    if (statements == nullptr || client->pool() == nullptr) continue;
    std::set<std::uint64_t> counted;
    statements->each([&](const Statement& statement) {
      if (counted.insert(statement.number()).second) ++row_of(*client->pool(), statement).clients;
    });
  }
  for (const auto& [key, pool] : worker_.pools())
    for (const auto& server : pool->all())
      server->session().statements().each(
          [&](const Statement& statement) { ++row_of(*pool, statement).servers; });
  for (auto& [row, shown] : rows) prepared_statements_.push_back(std::move(shown));
}

void Overview::add_state() {
  const bool paused = worker_.pauses().databases().all();
  state_ = {
      {"active", paused ? "no" : "yes"}, {"paused", paused ? "yes" : "no"}, {"suspended", "no"}};
}

// RELOAD: what there is to follow is followed as it comes.
Result<std::unique_ptr<Overview::Act>> Overview::act(const admin::Command& command, Tell tell) {
  switch (command.verb) {
    case admin::Verb::Pause: return worker_.pauses().pause(command.database, std::move(tell));
    case admin::Verb::Resume: TRY_VOID(worker_.pauses().resume(command.database)); break;
    case admin::Verb::Reconnect:
    case admin::Verb::Kill: TRY_VOID(end_or_replace(command)); break;
    case admin::Verb::Reload:
    case admin::Verb::Show: break;
  }
  return nullptr;
}

Result<void> Overview::end_or_replace(const admin::Command& command) {
  bool any = command.database.empty();
  std::vector<Pool*> pools;
  for (const auto& [key, pool] : worker_.pools())
    if (command.database.empty() || key.database == command.database) pools.push_back(pool.get());
  any = any || !pools.empty();
  if (!any) return fail(admin::no_such_database(command.database));
  for (auto* pool : pools) {
    if (command.verb == admin::Verb::Kill) worker_.end_clients(*pool);
    pool->replace_all();
  }
  return {};
}

}  // namespace pgkeel::gateway
