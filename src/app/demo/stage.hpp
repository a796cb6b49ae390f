// The demo's stage: a temporary directory with a private PostgreSQL, a real guard as a process of
// its own, and the tables that will be broken. Everything on it was made by the demo and goes with
// it.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "app/api_client.hpp"
#include "app/config.hpp"
#include "client/rows.hpp"
#include "instance/instance.hpp"
#include "pg/conninfo.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"

namespace pgkeel::app {

inline constexpr std::int64_t kDemoOrders = 1000;
inline constexpr std::int64_t kDemoContacts = 500;
inline constexpr std::int64_t kDemoVisits = 2000;  ///< more than shadow.mass_rows

/// Added to the guard's environment: configuration as PGKEEL_ variables, fault points.
using GuardEnvironment = std::vector<std::pair<std::string, std::string>>;

struct StageOptions {
  std::filesystem::path program;  ///< pgkeel; empty: the running program
  GuardEnvironment environment;   ///< of every guard of this stage, and read with its config
  std::string config;             ///< more of pgkeel.toml: tables of lists, which have no variable
  std::stop_token stop = {};      ///< ends every wait with Cancelled
};

class Stage {
 public:
  static Result<std::unique_ptr<Stage>> build(StageOptions options = {});
  /// Ends the guard, the receiver and jobs it leaves behind, and the server, and removes the
  /// directory; keeps it when `keep()` was called.
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  void keep() { keep_ = true; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_; }
  [[nodiscard]] const Config& config() const { return config_; }
  [[nodiscard]] const GuardEnvironment& environment() const { return options_.environment; }
  [[nodiscard]] const std::stop_token& stop() const { return options_.stop; }
  [[nodiscard]] runtime::Loop& loop() { return loop_; }
  [[nodiscard]] instance::Instance& instance() { return *instance_; }
  [[nodiscard]] GuardClient client() const { return GuardClient(config_); }
  [[nodiscard]] pg::Conninfo conninfo(std::string_view database) const;

  /// The moment of the damage, from which detection and recovery are measured.
  void note_broken() { broken_at_ = wall_now(); }
  [[nodiscard]] WallTime broken_at() const { return broken_at_; }
  /// Where the damage takes time of its own: the moment it was complete and could be seen.
  void note_damage_done() { damage_done_at_ = wall_now(); }
  [[nodiscard]] WallTime damage_done_at() const { return damage_done_at_; }

  /// What a person types: pgkeel with these words, to its end; its own words when it fails.
  Result<void> command(std::vector<std::string> words);
  /// Runs one statement in `database` on a session of its own.
  Result<client::Rows> sql(std::string_view database, std::string statement);
  /// An initdb'ed cluster that is not the guarded one, ready to stand in its place.
  Result<std::filesystem::path> make_stranger();

  /// Starts a guard, which must not be running; returns before it is up.
  Result<void> start_guard(const GuardEnvironment& more = {});
  /// Waits until the guard says the server is up.
  Result<void> await_ready();
  /// Waits until the ledger knows every table there is to break.
  Result<void> await_known();
  [[nodiscard]] pid_t guard_pid() const { return guard_->pid(); }
  [[nodiscard]] bool guard_alive() const { return guard_ && guard_->alive(); }
  /// Ends the guard in order; PostgreSQL keeps running.
  void end_guard();
  /// SIGKILL to the guard alone.
  Result<void> kill_guard();
  /// How the guard ended; TimedOut when it has not by then.
  Result<runtime::ExitStatus> await_guard_end(Seconds patience);

 private:
  explicit Stage(StageOptions options) : options_(std::move(options)) {}
  [[nodiscard]] std::filesystem::path program() const;
  [[nodiscard]] std::string data_dir_line() const;
  Result<void> write_config();
  Result<void> make_victims();
  void end_server();

  StageOptions options_;
  std::filesystem::path directory_;
  Config config_;
  runtime::Loop loop_;
  std::unique_ptr<instance::Instance> instance_;
  std::optional<runtime::ProcessHandle> guard_;
  WallTime broken_at_;
  WallTime damage_done_at_;
  bool keep_ = false;
};

}  // namespace pgkeel::app
