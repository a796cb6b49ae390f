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

#include "archive/restore/target.hpp"
#include "client/replication.hpp"
#include "runtime/account.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"

namespace pgkeel::archive {

struct PrivateServerOptions {
  std::filesystem::path bin_dir;
  std::filesystem::path data_dir;
  std::filesystem::path work_dir;  ///< socket, log, pg_hba.conf; the server's account can use it
  std::optional<runtime::Account> account;
  std::string superuser = "postgres";
  Settings settings;  ///< after ours, so they win
};

class PrivateServer {
 public:
  /// MissingBinary, ServerStartFailed.
  static Result<std::unique_ptr<PrivateServer>> start(PrivateServerOptions options);
  /// Ends it at once if it still runs.
  ~PrivateServer();
  PrivateServer(const PrivateServer&) = delete;
  PrivateServer& operator=(const PrivateServer&) = delete;

  /// Until it takes logins and has ended its recovery. ServerStartFailed with the log's own words
  /// when it died; Cancelled. `tick` is called a few times a second.
  Result<void> await_ready(const std::stop_token& stop, const std::function<void()>& tick);
  /// A session as the superuser.
  [[nodiscard]] Result<client::ReplicationSession> connect(const std::string& database) const;
  /// A fast shutdown, waited for.
  Result<void> stop();

  [[nodiscard]] std::filesystem::path log_file() const { return options_.work_dir / "server.log"; }
  /// libpq's form, for pg_dump and psql.
  [[nodiscard]] std::string conninfo(const std::string& database) const;

 private:
  explicit PrivateServer(PrivateServerOptions options) : options_(std::move(options)) {}
  Result<void> write_hba() const;
  Result<void> launch();
  [[nodiscard]] Error died() const;
  PrivateServerOptions options_;
  runtime::Loop loop_;
  std::optional<runtime::ProcessHandle> process_;
};

}  // namespace pgkeel::archive
