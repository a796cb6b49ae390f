// Clients of the stage's server that a test holds open: sessions of an application that leaks them,
// that waits, that listens. They are libpq's own, on the stage's loop, and close with the object.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chaos/chaos.hpp"
#include "client/connection.hpp"

namespace pgkeel::chaos {

class Client {
 public:
  /// Logs in to "shop"; `refused()` holds the SQLSTATE where that fails.
  Client(app::Stage& stage, const std::string& role, const std::string& application);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  [[nodiscard]] const std::string& refused() const { return refused_; }
  [[nodiscard]] pid_t pid() const { return pid_; }  ///< of its backend
  /// Whether the server still has this session.
  [[nodiscard]] bool lives() const;
  /// Runs it to its end; false when it failed.
  bool run(const std::string& sql);
  /// Lets it go out and does not wait; `answered()` says when it is done, and how.
  void send(const std::string& sql);
  [[nodiscard]] std::optional<bool> answered() const { return answered_; }

 private:
  runtime::Task<void> open(std::string role, std::string application);
  runtime::Task<void> execute(std::string sql);

  app::Stage& stage_;
  std::optional<client::Connection> session_;
  std::string refused_;
  pid_t pid_ = 0;
  std::optional<bool> answered_;
  bool sent_ = false;
};

using Clients = std::vector<std::unique_ptr<Client>>;
/// Opens more and more of them until all are refused for want of connections, and keeps them. Each
/// runs `first`.
void use_up_connections(app::Stage& stage, Clients& clients, const std::string& role,
                        const std::string& application, const std::string& first = {});

/// The stage with a server of 30 connections, 6 of them reserved, a role `crowd`, and a guard that
/// looks often.
[[nodiscard]] Scene build_small_server(app::GuardEnvironment environment);

/// The first value of the first row.
[[nodiscard]] std::string ask(app::Stage& stage, std::string query);

}  // namespace pgkeel::chaos
