// See running_gateway.hpp.
#include "integration/gateway/running_gateway.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
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
  settings->pool.sharing = options.sharing;
  settings->pool.size = options.size;
  settings->pool.statements_most = options.statements_most;
  settings->pool.wait_most = options.wait_most;
  settings->terms.tls = options.tls;
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
    : port_(free_port()), listener_(listen_on(port_)) {
  std::unique_ptr<gateway::VerifierSource> source = std::make_unique<gateway::TrustEverybody>();
  if (options.scram) source = std::make_unique<KnownVerifiers>(server);
  const char* wanted = std::getenv("PGKEEL_TEST_LOOP");
  const auto backend = wanted == nullptr                ? gateway::Loop::Backend::Best
                       : std::string(wanted) == "epoll" ? gateway::Loop::Backend::Epoll
                                                        : gateway::Loop::Backend::IoUring;
  auto made = gateway::Worker::create(settings_of(server, options), std::move(source), backend);
  worker_ = std::move(made).value();
  worker_->listen(listener_, gateway::Client::Channel::Tcp).value();
  thread_ = std::thread([this] { worker_->run().value(); });
}

RunningGateway::~RunningGateway() {
  worker_->stop();
  thread_.join();
  worker_.reset();
  ::close(listener_);
}

std::string RunningGateway::conninfo(const std::string& more) const {
  return fmt::format(
      "host=127.0.0.1 port={} dbname=postgres sslmode=disable gssencmode=disable "
      "connect_timeout=30 {}",
      port_, more);
}

}  // namespace pgkeel::test
