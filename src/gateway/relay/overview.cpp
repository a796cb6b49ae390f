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
  if (topic == Topic::Pools) add_pools();
  if (topic == Topic::Clients || topic == Topic::Servers) add_connections();
  add_stats();
  if (topic == Topic::Databases) add_databases();
  if (topic == Topic::Lists || topic == Topic::Users) add_lists();
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
  for (const auto& [key, pool] : worker_.pools()) servers[key.database] += count(pool->servers());
  for (const auto& [name, open] : servers) {
    admin::DatabaseSnapshot shown{
        .name = name, .host = worker_.settings().server.text, .database = name};
    shown.pool_size = count(worker_.settings().pool.size);
    shown.pool_mode = mode_name(worker_.settings().pool.sharing);
    shown.current_connections = open;
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

Result<void> Overview::act(const admin::Command& command) {
  if (command.verb != admin::Verb::Reconnect && command.verb != admin::Verb::Kill) {
    Error error(ErrorCode::NotSupported, fmt::format("{} is not there yet", tag_of(command.verb)));
    error.sqlstate = "0A000";
    return fail(std::move(error));
  }
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
