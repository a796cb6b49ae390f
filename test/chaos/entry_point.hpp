// A container without an engine: the guard as PID 1 of a PID namespace of its own (unshare), with
// an embedded PostgreSQL in a temporary directory that outlives it, as a volume outlives
// containers.
#pragma once

#include <sys/types.h>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/api_client.hpp"
#include "app/config.hpp"
#include "client/rows.hpp"
#include "pg/conninfo.hpp"
#include "pg/control_file.hpp"
#include "runtime/loop.hpp"
#include "runtime/process.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::chaos {

class EntryPoint {
 public:
  /// EnginesInit: not PID 1 but told to be the entry point, in this namespace.
  enum class Below { Nobody, EnginesInit };

  explicit EntryPoint(Below below = Below::Nobody);
  ~EntryPoint();  ///< kills the namespace and everything in it
  EntryPoint(const EntryPoint&) = delete;
  EntryPoint& operator=(const EntryPoint&) = delete;

  /// Starts the container and waits until the guard says the server is up.
  void start();
  /// Starts it and returns at once.
  void launch();
  void await_up();
  [[nodiscard]] pid_t init() const { return init_; }  ///< PID 1, as it is called out here
  [[nodiscard]] pid_t guard() const;                  ///< the guard below it; 0: none
  [[nodiscard]] pid_t postmaster() const;             ///< 0: none runs
  void signal_init(int number) const;
  /// How the container ended; nothing when it has not within 60 s.
  [[nodiscard]] std::optional<runtime::ExitStatus> await_end();
  /// Processes in state Z whose parent is in the container.
  [[nodiscard]] std::vector<pid_t> zombies() const;

  [[nodiscard]] pg::Conninfo conninfo(std::string_view database) const;
  Result<client::Rows> sql(std::string_view database, std::string statement);
  /// What pg_control says of the stopped server.
  [[nodiscard]] pg::ControlFile control() const;
  [[nodiscard]] std::string log() const;
  [[nodiscard]] const std::filesystem::path& data_dir() const { return config_.instance.data_dir; }

 private:
  [[nodiscard]] std::string state();

  Below below_;
  test::TempDir dir_;
  app::Config config_;
  runtime::Loop loop_;
  std::optional<runtime::ProcessHandle> program_;
  pid_t init_ = 0;
};

}  // namespace pgkeel::chaos
