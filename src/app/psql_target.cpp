// The guard is asked first: it alone knows where a server listens that was moved.
#include "app/psql_target.hpp"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

#include "app/api_client.hpp"
#include "pg/postmaster_pid.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

// libpq documentation, "Environment Variables"; what psql has no argument for.
constexpr auto kVariables = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"hostaddr", "PGHOSTADDR"},
    {"passfile", "PGPASSFILE"},
    {"options", "PGOPTIONS"},
    {"application_name", "PGAPPNAME"},
    {"sslmode", "PGSSLMODE"},
    {"sslcert", "PGSSLCERT"},
    {"sslkey", "PGSSLKEY"},
    {"sslrootcert", "PGSSLROOTCERT"},
    {"sslcrl", "PGSSLCRL"},
    {"channel_binding", "PGCHANNELBINDING"},
    {"connect_timeout", "PGCONNECT_TIMEOUT"},
    {"client_encoding", "PGCLIENTENCODING"},
    {"target_session_attrs", "PGTARGETSESSIONATTRS"},
});

std::optional<runtime::Account> owner_of(const std::filesystem::path& path) {
  struct stat status{};
  if (path.empty() || ::stat(path.c_str(), &status) != 0) return std::nullopt;
  const auto account = runtime::account_by_uid(status.st_uid);
  return account ? std::optional(*account) : std::nullopt;
}

// Without a guard: the configured URL, else the running server's own words.
Result<pg::Conninfo> conninfo_without_guard(const Config& config, const Error& not_running) {
  if (!config.instance.url.empty()) return pg::parse_conninfo(config.instance.url);
  const auto text =
      runtime::read_file(config.instance.data_dir / "postmaster.pid", pg::kLockFileBytesMax);
  if (!text) return fail(not_running);
  TRY(lock, pg::parse_postmaster_pid(*text));
  pg::Conninfo conninfo;
  const auto& configured = config.instance.socket_dir;
  conninfo.host = lock.socket_dir.empty() ? configured.string() : lock.socket_dir;
  if (conninfo.host.empty()) conninfo.host = lock.listen_address == "*" ? "" : lock.listen_address;
  if (lock.port != 0) conninfo.port = std::to_string(lock.port);
  if (const auto owner = owner_of(config.instance.data_dir)) conninfo.user = owner->name;
  conninfo.database = "postgres";
  return conninfo;
}

Result<pg::Conninfo> find_conninfo(const Config& config) {
  const auto answer = GuardClient(config).get("/api/v1/conninfo");
  if (!answer && answer.error().code == ErrorCode::GuardNotRunning)
    return conninfo_without_guard(config, answer.error());
  if (!answer) return fail(answer.error());
  TRY(conninfo, pg::parse_conninfo(text_of(*answer, "conninfo")));
  // The guard gives no secret away; the password is in the configuration, if anywhere.
  if (conninfo.password.empty() && !config.instance.url.empty()) {
    TRY(configured, pg::parse_conninfo(config.instance.url));
    if (configured.user.empty() || conninfo.user == configured.user)
      conninfo.password = configured.password;
  }
  return conninfo;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> libpq_environment(const pg::Conninfo& conninfo) {
  std::vector<std::pair<std::string, std::string>> environment;
  const auto add = [&environment](std::string_view name, const std::string& value) {
    if (!value.empty()) environment.emplace_back(name, value);
  };
  add("PGHOST", conninfo.host);
  add("PGPORT", conninfo.port);
  add("PGUSER", conninfo.user);
  add("PGDATABASE", conninfo.database);
  add("PGPASSWORD", conninfo.password);
  for (const auto& [keyword, variable] : kVariables) {
    const auto found = conninfo.options.find(std::string(keyword));
    if (found != conninfo.options.end()) add(variable, found->second);
  }
  return environment;
}

Result<ServerTarget> find_server_target(const Config& config) {
  TRY(conninfo, find_conninfo(config));
  ServerTarget target;
  // "peer" wants the operating system's user; a password works for root as it is.
  const bool over_socket = conninfo.host.starts_with('/');
  if (over_socket && conninfo.password.empty() && runtime::running_as_root()) {
    auto owner = owner_of(config.instance.data_dir);
    if (!owner) owner = owner_of(conninfo.host);
    if (owner && owner->uid != 0) target.connect_as = std::move(owner);
  }
  target.conninfo = std::move(conninfo);
  return target;
}

Result<PsqlTarget> find_psql_target(const Config& config) {
  TRY(server, find_server_target(config));
  PsqlTarget target;
  const auto beside_server = config.instance.bin_dir / "psql";
  const bool there = !config.instance.bin_dir.empty() && ::access(beside_server.c_str(), X_OK) == 0;
  target.program = there ? beside_server : std::filesystem::path("psql");
  target.environment = libpq_environment(server.conninfo);
  target.run_as = std::move(server.connect_as);
  return target;
}

Result<void> become(const runtime::Account& account) {
  const auto what = fmt::format("become user {}", account.name);
  if (::initgroups(account.name.c_str(), account.gid) != 0 ||
      ::setresgid(account.gid, account.gid, account.gid) != 0 ||
      ::setresuid(account.uid, account.uid, account.uid) != 0)
    return fail_errno(errno, what);
  ::setenv("HOME", account.home.c_str(), 1);
  ::setenv("USER", account.name.c_str(), 1);
  ::setenv("LOGNAME", account.name.c_str(), 1);
  return {};
}

}  // namespace pgkeel::app
