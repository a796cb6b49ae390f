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

[[nodiscard]] Result<PsqlTarget> find_psql_target(const Config& config);

/// libpq's variables for the parts of a connection string that psql should start from.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> libpq_environment(
    const pg::Conninfo& conninfo);

/// Drops from root to the account, for good: groups, user, HOME. Permission when it cannot.
Result<void> become(const runtime::Account& account);

}  // namespace pgkeel::app
