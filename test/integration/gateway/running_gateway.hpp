// A gateway's worker in a thread of the test, in front of a real server, and sessions through it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gateway/relay/worker.hpp"
#include "support/libpq_session.hpp"
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

}  // namespace pgkeel::test
