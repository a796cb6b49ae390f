// A gateway's worker in a thread of the test, in front of a real server, and sessions through it.
#pragma once

#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gateway/credentials/asked_verifiers.hpp"
#include "gateway/relay/unix_listener.hpp"
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
  bool scram = false;                     ///< clients prove themselves; else they are trusted
  gateway::AskedVerifiers::Ask ask = {};  ///< they do, and this says what they must prove
  gateway::ClientTls tls = gateway::ClientTls::Off;
  std::filesystem::path socket_dir = {};  ///< it listens there too
  gateway::SocketPeers socket_peers = gateway::SocketPeers::Prove;
  gateway::DoorLimits door = {};
  Millis login_most = gateway::Settings().login_most;
  enum class Route : std::uint8_t { Socket, Tcp };
  Route route = Route::Socket;    ///< to the server
  std::uint16_t server_port = 0;  ///< over TCP; 0: the server's own
  std::shared_ptr<const gateway::ServerTlsTerms> server_tls = {};
};

class RunningGateway {
 public:
  RunningGateway(const PostgresServer& server, const GatewayOptions& options);
  ~RunningGateway();
  [[nodiscard]] std::string conninfo(const std::string& more = "user=postgres") const;
  /// Over its Unix socket.
  [[nodiscard]] std::string local_conninfo(const std::string& more = "user=postgres") const;
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::filesystem::path socket_path() const;
  /// What `look` says of the worker, on its thread.
  template <typename Look>
  [[nodiscard]] auto seen(Look look) {
    std::promise<decltype(look(*worker_))> answer;
    worker_->post([&] { answer.set_value(look(*worker_)); });
    return answer.get_future().get();
  }
  /// As they are on the worker's thread.
  [[nodiscard]] gateway::Timings timings();
  /// Does it while the worker stands still: what happens is one round to it.
  void in_one_round(const std::function<void()>& what);

 private:
  std::uint16_t port_;
  int listener_;
  std::filesystem::path socket_dir_;
  std::optional<gateway::UnixListener> at_socket_;
  std::unique_ptr<gateway::Worker> worker_;
  std::thread thread_;
};

}  // namespace pgkeel::test
