// A real guard in front of a server it may only query: PostgreSQL over TCP with a password, a role
// without superuser, and a guard process of an ordinary user with nothing but DATABASE_URL.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/api_client.hpp"
#include "app/config.hpp"
#include "incident/model.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::chaos {

class RemoteGuard {
 public:
  /// The server runs, with database shop and its tables; no guard yet. `settings` go to
  /// postgresql.conf, `config` to pgkeel.toml, `instance` into its [instance].
  explicit RemoteGuard(std::vector<std::pair<std::string, std::string>> settings = {},
                       std::string_view config = {}, std::string_view instance = {});
  ~RemoteGuard();
  RemoteGuard(const RemoteGuard&) = delete;
  RemoteGuard& operator=(const RemoteGuard&) = delete;

  [[nodiscard]] test::PostgresServer& server() { return server_; }
  /// Starts the guard and waits until it says the server is up.
  void start();
  [[nodiscard]] app::Json status();
  /// Waits for a status that satisfies `good`.
  [[nodiscard]] bool await_status(const std::function<bool(const app::Json&)>& good);
  /// The newest incident of that cause, whole.
  [[nodiscard]] std::optional<incident::Incident> incident_of(std::string_view cause) const;
  [[nodiscard]] bool await_incident(std::string_view cause, incident::IncidentState state);
  /// What `pgkeel ARGS` prints, run as the guard's user.
  [[nodiscard]] std::string output_of(std::vector<std::string> args);
  /// A file beside pgkeel.toml, readable to the guard.
  void write(std::string_view name, std::string_view text) const;
  [[nodiscard]] std::string guard_log() const;
  /// Lines of the server's log that say ERROR, FATAL or PANIC.
  [[nodiscard]] std::vector<std::string> complaints() const;

 private:
  [[nodiscard]] runtime::ProcessSpec spec_of(std::vector<std::string> args) const;

  test::PostgresServer server_;
  test::TempDir dir_;
  app::Config config_;
  runtime::Loop loop_;
  std::optional<runtime::ProcessHandle> guard_;
};

}  // namespace pgkeel::chaos
