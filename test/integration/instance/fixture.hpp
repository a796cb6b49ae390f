// What the tests of the instance room share: a private server's directory (test/support) seen
// through the Instance interface, and busy or idle backends to leave behind.
#pragma once

#include <gtest/gtest.h>
#include <filesystem>
#include <memory>
#include <string>

#include "instance/config.hpp"
#include "instance/data_dir.hpp"
#include "support/postgres_server.hpp"
#include "support/wait.hpp"

struct pg_conn;

namespace pgkeel::instance {

/// A cluster with nothing started, its Instance, and a loop to run it on.
class InstanceTest : public testing::Test {
 protected:
  /// Replaces the server; call first when a test wants other options.
  void make_server(test::PostgresOptions options = stopped());
  static test::PostgresOptions stopped();

  test::PostgresServer& server();
  Instance& instance();
  [[nodiscard]] std::filesystem::path log_file() { return server().temp_dir() / "server.log"; }
  [[nodiscard]] SystemId identity() { return read_control_file(server().data_dir())->system_id; }

  /// start() with the right identity and a generous deadline.
  Result<StartReport> start(StartOptions options = {});
  /// start() that must end well.
  Postmaster started();
  template <class T>
  T run(runtime::Task<T> task) {
    return loop_.run_until_complete(std::move(task));
  }
  [[nodiscard]] SteadyTime soon() { return loop_.after(test::kPatience); }

  runtime::Loop loop_;

 private:
  std::unique_ptr<test::PostgresServer> server_;
  std::unique_ptr<Instance> instance_;
};

/// A session that computes for ever in its backend, so that it outlives its postmaster.
class BusyBackend {
 public:
  explicit BusyBackend(const test::PostgresServer& server);
  ~BusyBackend();
  BusyBackend(const BusyBackend&) = delete;
  BusyBackend& operator=(const BusyBackend&) = delete;
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  pg_conn* connection_;
  pid_t pid_ = 0;
};

/// Every file below `dir` with size, mode, owner and modification time, one a line: equal listings
/// mean that nothing was changed.
[[nodiscard]] std::string listing(const std::filesystem::path& dir);

/// Replaces a file's content, keeping owner and mode.
void write_file(const std::filesystem::path& path, std::string_view content);
[[nodiscard]] std::string read_all(const std::filesystem::path& path);

/// Makes the file look `age` old.
void make_old(const std::filesystem::path& path, Seconds age);

}  // namespace pgkeel::instance
