// Where psql has to go and as whom: from the guard, or from the configuration and postmaster.pid
// while none runs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/config.hpp"
#include "base/result.hpp"
#include "pg/conninfo.hpp"
#include "runtime/account.hpp"

namespace pgkeel::app {

struct PsqlTarget {
  std::filesystem::path program;
  std::vector<std::pair<std::string, std::string>> environment;  ///< PGHOST, PGPASSWORD, ...
  std::optional<runtime::Account> run_as;  ///< set when root has to become the socket's owner
};

/// The server as a session of our own reaches it.
struct ServerTarget {
  pg::Conninfo conninfo;                       ///< may hold a password
  std::optional<runtime::Account> connect_as;  ///< whom its socket has to see connecting
};
[[nodiscard]] Result<ServerTarget> find_server_target(const Config& config);

[[nodiscard]] Result<PsqlTarget> find_psql_target(const Config& config);

/// libpq's variables for the parts of a connection string that psql should start from.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> libpq_environment(
    const pg::Conninfo& conninfo);

/// Drops from root to the account, for good: groups, user, HOME. Permission when it cannot.
Result<void> become(const runtime::Account& account);

}  // namespace pgkeel::app
