// What the client room's tests share: a server, a loop, and opening connections without ceremony.
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <thread>

#include "client/connection.hpp"
#include "support/gate.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::client {

class ClientTest : public testing::Test {
 protected:
  explicit ClientTest(const test::PostgresOptions& options = {}) : server(options) {}

  static pg::Conninfo parse(const std::string& text) {
    auto parsed = pg::parse_conninfo(text);
    if (!parsed) throw std::runtime_error(parsed.error().message());
    return *parsed;
  }
  [[nodiscard]] Limit soon() const { return loop.after(test::kPatience); }

  DbResult<Connection> try_open(const std::string& conninfo, Millis patience = test::kPatience) {
    ConnectOptions options;
    options.deadline = loop.after(patience);
    return loop.run_until_complete(Connection::open(loop, parse(conninfo), std::move(options)));
  }
  Connection open(const std::string& conninfo) {
    auto connection = try_open(conninfo);
    if (!connection) throw std::runtime_error(connection.error().message());
    return *std::move(connection);
  }
  Connection open() { return open(server.conninfo()); }

  DbResult<Rows> query(Connection& connection, const std::string& sql, Params params = {}) {
    return loop.run_until_complete(connection.query(sql, std::move(params), soon()));
  }
  std::string value(Connection& connection, const std::string& sql) {
    const auto rows = query(connection, sql);
    if (!rows) throw std::runtime_error(rows.error().message());
    return std::string(rows->text(0, 0).value_or("NULL"));
  }

  /// Empty on success and when no server said one.
  template <class T>
  static std::string sqlstate_of(const DbResult<T>& result) {
    return result ? std::string() : std::string(result.error().sqlstate());
  }

  /// The last act of every test: the server serves, by a login and a write of its own.
  void expect_served() {
    EXPECT_TRUE(test::wait_until([this] { return writes(); })) << server.log();
  }

  /// After kill -9 of a backend: the client knows before the postmaster does, which then ends all
  /// other sessions too.
  void await_crash_noticed() {
    EXPECT_TRUE(test::wait_until([this] {
      return server.log().find("all server processes terminated; reinitializing") !=
             std::string::npos;
    }));
  }
  bool writes() {
    try {
      server.query("create table if not exists served (n int); insert into served values (1)");
      return true;
    } catch (const std::runtime_error&) {
      return false;  // a crash that is still under way ends sessions a moment later
    }
  }

  template <class Duration>
  static Millis millis(Duration duration) {
    return std::chrono::duration_cast<Millis>(duration);
  }

  test::PostgresServer server;
  runtime::Loop loop;
};

/// Stops a process while it lives, and lets it go on whatever happens to the test.
class Stopped {
 public:
  explicit Stopped(pid_t pid) : pid_(pid) { ::kill(pid_, SIGSTOP); }
  ~Stopped() { ::kill(pid_, SIGCONT); }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;

 private:
  pid_t pid_;
};

}  // namespace pgkeel::client
