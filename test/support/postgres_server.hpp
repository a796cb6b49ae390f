// A private PostgreSQL for one test: copied from a template, on a free port, with its own socket
// directory, all of it under one temporary directory.
// It guarantees that nothing is left: every process that stands in the data directory is ended,
// also one that somebody else started there, and only its own directory is removed. Failures throw
// std::runtime_error with the end of the server's log: a test has nothing to handle.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {

enum class Shutdown { Smart, Fast, Immediate };
enum class FirstStart { Yes, No };
/// Copies of the template share one system identifier; Fresh runs initdb for another one.
enum class Identity { Template, Fresh };

struct PostgresOptions {
  std::filesystem::path bin_dir = "/usr/lib/postgresql/15/bin";
  int major = 15;
  /// Lines for postgresql.conf, after the defaults (fsync=off, max_connections=50, ...).
  std::vector<std::pair<std::string, std::string>> settings = {};
  FirstStart start = FirstStart::Yes;
  Identity identity = Identity::Template;
  /// A stopped server's data directory to copy instead: the same system identifier and data.
  std::filesystem::path copy_of = {};
  /// Where the data directory is made; empty: under temp_dir(). Whoever names a place removes it.
  std::filesystem::path data_dir = {};
};

class PostgresServer {
 public:
  using Row = std::vector<std::optional<std::string>>;

  explicit PostgresServer(const PostgresOptions& options = {});
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  [[nodiscard]] std::string conninfo(std::string_view database = "postgres") const;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] const std::filesystem::path& data_dir() const { return data_dir_; }
  [[nodiscard]] const std::filesystem::path& bin_dir() const { return options_.bin_dir; }
  [[nodiscard]] std::filesystem::path socket_dir() const { return temp_ / "s"; }
  /// The directory everything of this server is in; tests may put their own files there.
  [[nodiscard]] const std::filesystem::path& temp_dir() const { return temp_.path(); }
  /// The postmaster in postmaster.pid, whoever started it; 0 when there is none.
  [[nodiscard]] pid_t pid() const;
  [[nodiscard]] bool running() const;
  /// What the server wrote so far.
  [[nodiscard]] std::string log() const;
  [[nodiscard]] std::filesystem::path log_file() const { return temp_ / "log"; }

  /// Starts and waits until it accepts connections. Waits for processes of an earlier run first.
  void start();
  void stop(Shutdown mode = Shutdown::Fast);
  void restart() {
    stop();
    start();
  }
  void reload();
  /// SIGKILL to the postmaster alone; its children notice by themselves (see await_processes_gone).
  void kill9();
  void await_processes_gone();
  /// Replaces pg_hba.conf and reloads when running.
  void set_hba(std::string_view text);
  void append_config(std::string_view lines);

  /// Every row of the last statement, by a connection of its own.
  [[nodiscard]] std::vector<Row> rows(const std::string& sql,
                                      const std::string& database = "postgres") const;
  /// The first value of the first row; empty when NULL or when there is no row.
  std::string query(const std::string& sql, const std::string& database = "postgres") const;
  /// True when a fresh login works now.
  [[nodiscard]] bool accepts_login(const std::string& database = "postgres") const;

 private:
  void await_ready();
  void end_everything() noexcept;
  void remove_shared_memory() const noexcept;
  void reap() const;

  PostgresOptions options_;
  TempDir temp_;
  std::filesystem::path data_dir_;
  std::uint16_t port_ = 0;
  mutable pid_t child_ = 0;  ///< the postmaster we started and have not reaped
};

}  // namespace pgkeel::test
