// See running_gateway.hpp.
#include "integration/gateway/running_gateway.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <future>
#include <stdexcept>

#include <fmt/format.h>

#include "support/tls_certificate.hpp"

namespace pgkeel::test {
namespace {

int listen_on(std::uint16_t port) {
  const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(made, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(made, 512) != 0)
    throw std::runtime_error("no listener for the gateway");
  return made;
}

std::shared_ptr<const gateway::Settings> settings_of(const PostgresServer& server,
                                                     const GatewayOptions& options) {
  auto settings = std::make_shared<gateway::Settings>();
  settings->server = gateway::SocketAddress::of_unix(
                         (server.socket_dir() / fmt::format(".s.PGSQL.{}", server.port())).string())
                         .value();
  const auto server_port = options.server_port == 0 ? server.port() : options.server_port;
  if (options.route == GatewayOptions::Route::Tcp)
    settings->server = gateway::SocketAddress::of_ip("127.0.0.1", server_port).value();
  settings->server_tls = options.server_tls;
  settings->pool.sharing = options.sharing;
  settings->pool.size = options.size;
  settings->pool.statements_most = options.statements_most;
  settings->pool.wait_most = options.wait_most;
  settings->terms.tls = options.tls;
  settings->socket_peers = options.socket_peers;
  settings->door = options.door;
  settings->login_most = options.login_most;
  if (options.tls != gateway::ClientTls::Off) {
    const TlsCertificate certificate("localhost");
    const auto pem = certificate.pem();
    const auto key = certificate.key_pem();
    settings->tls =
        std::make_shared<gateway::TlsContext>(gateway::TlsContext::server({pem, key}).value());
  }
  return settings;
}

}  // namespace

KnownVerifiers::KnownVerifiers(const PostgresServer& server) {
  for (const auto& row :
       server.rows("select rolname, rolpassword from pg_authid where rolpassword is not null"))
    by_user_[row[0].value()] = row[1].value();
}

void KnownVerifiers::find(const std::string& user, const std::string&, Found found) {
  const auto known = by_user_.find(user);
  if (known == by_user_.end()) return found(std::optional<gateway::Credentials>());
  const auto stored = gateway::parse_stored_password(known->second).value();
  if (const auto* scram = std::get_if<pg::ScramVerifier>(&stored))
    return found(std::optional(gateway::Credentials{*scram}));
  const auto& md5 = std::get<gateway::Md5Verifier>(stored);
  found(std::optional(gateway::Credentials{md5, md5}));
}

RunningGateway::RunningGateway(const PostgresServer& server, const GatewayOptions& options)
    : port_(free_port()), listener_(listen_on(port_)), socket_dir_(options.socket_dir) {
  std::unique_ptr<gateway::VerifierSource> source = std::make_unique<gateway::TrustEverybody>();
  if (options.scram) source = std::make_unique<KnownVerifiers>(server);
  if (options.ask)
    source = std::make_unique<gateway::AskedVerifiers>(
        options.ask, [this](std::function<void()> call) { worker_->post(std::move(call)); },
        options.wait_most);
  const char* wanted = std::getenv("PGKEEL_TEST_LOOP");
  const auto backend = wanted == nullptr                ? gateway::Loop::Backend::Best
                       : std::string(wanted) == "epoll" ? gateway::Loop::Backend::Epoll
                                                        : gateway::Loop::Backend::IoUring;
  auto made = gateway::Worker::create(settings_of(server, options), std::move(source), backend);
  worker_ = std::move(made).value();
  worker_->listen(listener_, gateway::Client::Channel::Tcp).value();
  if (!socket_dir_.empty()) {
    at_socket_.emplace(gateway::UnixListener::at(socket_path()).value());
    worker_->listen(at_socket_->descriptor(), gateway::Client::Channel::UnixSocket).value();
  }
  thread_ = std::thread([this] { worker_->run().value(); });
}

RunningGateway::~RunningGateway() {
  worker_->stop();
  thread_.join();
  worker_.reset();
  ::close(listener_);
}

gateway::Timings RunningGateway::timings() {
  const auto told = std::make_shared<std::promise<gateway::Timings>>();
  auto timings = told->get_future();
  worker_->post([this, told] { told->set_value(worker_->timings()); });
  return timings.get();
}

void RunningGateway::in_one_round(const std::function<void()>& what) {
  const auto stands = std::make_shared<std::promise<void>>();
  std::promise<void> done;
  auto standing = stands->get_future();
  worker_->post([stands, goes_on = done.get_future().share()] {
    stands->set_value();
    goes_on.wait();
  });
  standing.wait();
  what();
  done.set_value();
}

std::filesystem::path RunningGateway::socket_path() const {
  return socket_dir_ / fmt::format(".s.PGSQL.{}", port_);
}

std::string RunningGateway::local_conninfo(const std::string& more) const {
  return fmt::format("host={} port={} dbname=postgres connect_timeout=30 {}", socket_dir_.string(),
                     port_, more);
}

std::string RunningGateway::conninfo(const std::string& more) const {
  return fmt::format(
      "host=127.0.0.1 port={} dbname=postgres sslmode=disable gssencmode=disable "
      "connect_timeout=30 {}",
      port_, more);
}

}  // namespace pgkeel::test
