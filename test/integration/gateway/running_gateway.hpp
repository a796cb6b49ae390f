// A gateway's worker in a thread of the test, in front of a real server, and sessions through it.
#pragma once

#include <libpq-fe.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gateway/relay/worker.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::test {

/// Verifiers as pg_authid has them, read when it is made.
class KnownVerifiers final : public gateway::VerifierSource {
 public:
  explicit KnownVerifiers(const PostgresServer& server);
  void find(const std::string& user, const std::string& database, Found found) override;

 private:
  std::map<std::string, std::string> by_user_;
};

struct GatewayOptions {
  gateway::Sharing sharing = gateway::Sharing::Session;
  std::size_t size = 4;
  std::size_t statements_most = 500;
  Millis wait_most{20'000};
  bool scram = false;  ///< clients prove themselves; else they are trusted
  gateway::ClientTls tls = gateway::ClientTls::Off;
};

class RunningGateway {
 public:
  RunningGateway(const PostgresServer& server, const GatewayOptions& options);
  ~RunningGateway();
  [[nodiscard]] std::string conninfo(const std::string& more = "user=postgres") const;
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  std::uint16_t port_;
  int listener_;
  std::unique_ptr<gateway::Worker> worker_;
  std::thread thread_;
};

/// One session of libpq's; throws when it cannot connect.
class Session {
 public:
  explicit Session(const std::string& conninfo);
  /// The first value of the last result; throws "SQLSTATE: message".
  std::string operator()(const std::string& sql);
  /// "" or the SQLSTATE; "lost" when the connection is gone without one.
  std::string state_of(const std::string& sql);
  [[nodiscard]] PGconn* get() const { return connection_.get(); }
  [[nodiscard]] bool alive() const { return PQstatus(connection_.get()) == CONNECTION_OK; }

 private:
  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
  std::string said_;
};

/// What libpq says when it cannot connect; "" when it can.
[[nodiscard]] std::string refusal_of(const std::string& conninfo);

}  // namespace pgkeel::test
