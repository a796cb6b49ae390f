// A server of our own over a restored directory: reachable only through a socket in a directory of
// ours, archiving nothing, replicating nowhere, waiting for no standby. For replaying and proving.
// It guarantees: whatever the restored configuration says, it opens no port, writes no WAL archive
// and runs none of the settings that name files elsewhere; it is gone when the object is.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "archive/restore/server_run.hpp"
#include "archive/restore/target.hpp"
#include "client/replication.hpp"
#include "runtime/account.hpp"

namespace pgkeel::archive {

struct PrivateServerOptions {
  std::filesystem::path bin_dir;
  std::optional<ServerImage> image = {};  ///< instead of bin_dir
  std::filesystem::path data_dir;
  std::filesystem::path work_dir;  ///< socket, log, pg_hba.conf; the server's account can use it
  std::optional<runtime::Account> account;
  std::string superuser = "postgres";
  Settings settings = {};  ///< after ours, so they win
  std::vector<std::filesystem::path> tablespaces = {};
};

/// libpq's form, for pg_dump and psql; a session as the superuser. Of the server with these
/// options, whoever runs it.
[[nodiscard]] std::string conninfo_of(const PrivateServerOptions& options,
                                      const std::string& database);
[[nodiscard]] Result<client::ReplicationSession> connect_to(const PrivateServerOptions& options,
                                                            const std::string& database);

class PrivateServer {
 public:
  /// What run_as_process() and run_in_image() say. The server ends with the object.
  static Result<std::unique_ptr<PrivateServer>> start(PrivateServerOptions options);
  ~PrivateServer() = default;
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;

  /// Until it takes logins and has ended its recovery. ServerStartFailed with the log's own words
  /// when it died; Cancelled. `tick` is called a few times a second.
  Result<void> await_ready(const std::stop_token& stop, const std::function<void()>& tick);
  /// ServerStartFailed, with the log's own words, when it has ended by itself.
  [[nodiscard]] Result<void> alive() const;
  [[nodiscard]] Result<client::ReplicationSession> connect(const std::string& database) const {
    return connect_to(options_, database);
  }
  /// A fast shutdown, waited for.
  Result<void> stop();

  [[nodiscard]] std::string conninfo(const std::string& database) const {
    return conninfo_of(options_, database);
  }

 private:
  explicit PrivateServer(PrivateServerOptions options) : options_(std::move(options)) {}
  Result<void> write_hba() const;
  void clear_socket() const;
  Result<void> launch();
  [[nodiscard]] Error died() const;
  PrivateServerOptions options_;
  ServerRunPlan plan_;
  std::unique_ptr<ServerRun> run_;
};

}  // namespace pgkeel::archive
