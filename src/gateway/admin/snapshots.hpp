// What the admin console shows, as plain values: the data plane fills them in, the console turns
// them into rows. Names follow PgBouncer's columns; counts are of the moment, unless they are
// totals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.hpp"

namespace pgkeel::gateway::admin {

struct PoolSnapshot {
  std::string database = {};
  std::string user = {};
  std::int32_t clients_active = 0;  ///< with a server, or idle outside of a transaction
  std::int32_t clients_waiting = 0;
  std::int32_t cancels_active = 0;  ///< on their way to a server
  std::int32_t cancels_waiting = 0;
  std::int32_t servers_active = 0;
  std::int32_t servers_active_cancel = 0;
  std::int32_t servers_being_canceled = 0;
  std::int32_t servers_idle = 0;
  std::int32_t servers_used = 0;  ///< idle for long: to be checked before use
  std::int32_t servers_tested = 0;
  std::int32_t servers_login = 0;
  std::int32_t longest_wait_s = 0;   ///< of the client that waits longest
  std::int32_t longest_wait_us = 0;  ///< what is beyond the whole seconds
  std::string pool_mode = {};
};

/// A client or a server connection.
struct ConnectionSnapshot {
  std::string type = {};  ///< "C", "S"
  std::string user = {};
  std::string database = {};
  std::string state = {};  ///< active, waiting, idle, used, ...
  std::string address = {};
  std::int32_t port = 0;
  std::string local_address = {};
  std::int32_t local_port = 0;
  std::optional<WallTime> connected_at = {};
  std::optional<WallTime> requested_at = {};  ///< of the last request
  std::int32_t wait_s = 0;
  std::int32_t wait_us = 0;
  std::int32_t close_needed = 0;  ///< 1: goes when it is free
  std::string pointer = {};       ///< an identity, in PgBouncer an address
  std::string link = {};          ///< the identity of the other side while there is one
  std::int32_t remote_pid = 0;
  std::string tls = {};  ///< "TLSv1.3/...", empty without
  std::string application_name = {};
  std::int32_t prepared_statements = 0;  ///< since PgBouncer 1.21
  std::int32_t id = 0;                   ///< since 1.23
};

/// Of one database: totals since the start, or averages of a second of the last period.
struct StatsCounters {
  std::int64_t transactions = 0;
  std::int64_t queries = 0;
  std::int64_t received_bytes = 0;
  std::int64_t sent_bytes = 0;
  std::int64_t transaction_us = 0;
  std::int64_t query_us = 0;
  std::int64_t wait_us = 0;
  std::int64_t server_assignments = 0;  ///< this and what follows: since PgBouncer 1.23 and 1.24
  std::int64_t client_parses = 0;
  std::int64_t server_parses = 0;
  std::int64_t binds = 0;

  StatsCounters& operator+=(const StatsCounters& more) {
    for (const auto part :
         {&StatsCounters::transactions, &StatsCounters::queries, &StatsCounters::received_bytes,
          &StatsCounters::sent_bytes, &StatsCounters::transaction_us, &StatsCounters::query_us,
          &StatsCounters::wait_us, &StatsCounters::server_assignments,
          &StatsCounters::client_parses, &StatsCounters::server_parses, &StatsCounters::binds})
      this->*part += more.*part;
    return *this;
  }
};
struct StatsSnapshot {
  std::string database = {};
  StatsCounters totals = {};
  StatsCounters averages = {};
};

struct DatabaseSnapshot {
  std::string name = {};
  std::string host = {};
  std::int32_t port = 0;
  std::string database = {};  ///< as the server calls it
  std::string force_user = {};
  std::int32_t pool_size = 0;
  std::int32_t min_pool_size = 0;
  std::int32_t reserve_pool = 0;
  std::string pool_mode = {};
  std::int32_t max_connections = 0;  ///< 0: no limit
  std::int32_t current_connections = 0;
  std::int32_t paused = 0;                  ///< 0, 1
  std::int32_t disabled = 0;                ///< 0, 1
  std::int32_t max_client_connections = 0;  ///< this and the next: since PgBouncer 1.24
  std::int32_t current_client_connections = 0;
};

struct ConfigSnapshot {
  std::string key = {};
  std::string value = {};
  std::string default_value = {};
  std::string changeable = {};  ///< "yes": by RELOAD; "no"
};

struct ListSnapshot {
  std::string list = {};  ///< databases, users, pools, free_clients, used_clients, ...
  std::int32_t items = 0;
};

struct UserSnapshot {
  std::string name = {};
  std::string pool_mode = {};
  std::int32_t max_user_connections = 0;  ///< this and the next: since PgBouncer 1.23
  std::int32_t current_connections = 0;
};

/// pgkeel's own: PgBouncer does not show them.
struct PreparedStatementSnapshot {
  std::string name = {};  ///< on the servers
  std::string database = {};
  std::string user = {};
  std::string statement = {};  ///< without its literals
  std::int32_t clients = 0;
  std::int32_t servers = 0;
};

struct StateSnapshot {
  std::string key = {};    ///< active, paused, suspended
  std::string value = {};  ///< "yes", "no"
};

}  // namespace pgkeel::gateway::admin
