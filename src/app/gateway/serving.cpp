// See serving.hpp.
#include "app/gateway/serving.hpp"

#include <netdb.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include <fmt/format.h>

#include "base/log.hpp"
#include "gateway/credentials/file_verifiers.hpp"
#include "gateway/relay/unix_listener.hpp"
#include "runtime/fd.hpp"

namespace pgkeel::app {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> addresses_of(const std::string& host, std::uint16_t port, int flags) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = flags;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
  if (failed != 0)
    return fail(ErrorCode::ConnectionFailed,
                fmt::format("no address of {}: {}", host, ::gai_strerror(failed)));
  return Addresses(found);
}

Result<std::shared_ptr<const gateway::TlsContext>> tls_of(const GatewayOrders& orders) {
  auto made = gateway::TlsContext::server({orders.certificate, orders.key});
  if (!made)
    return fail(Error(ErrorCode::ConfigBadValue, "gateway.tls_cert: " + made.error().message())
                    .with_hint("A PEM file with the certificate first and its key behind it, or "
                               "the key beside it with .key for its extension."));
  return std::make_shared<const gateway::TlsContext>(std::move(*made));
}

Result<std::shared_ptr<const gateway::ServerTlsTerms>> server_tls_of(const GatewayOrders& orders) {
  const auto mode = orders.server_sslmode;
  if (mode == SslMode::Disable) return nullptr;
  const auto verify = mode == SslMode::VerifyFull ? gateway::TlsVerify::Full
                      : mode == SslMode::VerifyCa ? gateway::TlsVerify::Authority
                                                  : gateway::TlsVerify::None;
  auto made = gateway::TlsContext::client(verify, orders.server_authorities);
  if (!made)
    return fail(Error(ErrorCode::ConfigBadValue, "sslrootcert: " + made.error().message())
                    .with_hint("A PEM file of one certificate or several."));
  gateway::ServerTlsTerms terms;
  terms.mode = mode == SslMode::Prefer ? gateway::ServerTls::Prefer : gateway::ServerTls::Require;
  terms.host = orders.server_host;
  terms.authorities = orders.server_authorities;
  terms.context = std::make_shared<const gateway::TlsContext>(std::move(*made));
  return std::make_shared<const gateway::ServerTlsTerms>(std::move(terms));
}

// A client and its server are a descriptor each: as many as the system lets us have.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void forbid_core_dumps() {
  const rlimit none{};
  ::setrlimit(RLIMIT_CORE, &none);  // keys that open the server are in memory
}

// A socket that listens and does not block.
Result<int> listen_at(const ListenAddress& address) {
  TRY(found, addresses_of(address.host, address.port, AI_PASSIVE));
  const int made = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (made < 0) return fail(Error::from_errno(errno, "socket"));
  const int on = 1;
  ::setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(made, found->ai_addr, found->ai_addrlen) == 0 && ::listen(made, SOMAXCONN) == 0)
    return made;
  const auto error =
      Error::from_errno(errno, fmt::format("gateway.listen {}:{}", address.host, address.port));
  ::close(made);
  return fail(error);
}

}  // namespace

Result<gateway::SocketAddress> server_address(const GatewayOrders& orders) {
  if (!orders.server_socket.empty()) return gateway::SocketAddress::of_unix(orders.server_socket);
  TRY(found, addresses_of(orders.server_host, orders.server_port, 0));
  gateway::SocketAddress address;
  std::memcpy(&address.address, found->ai_addr, found->ai_addrlen);
  address.bytes = found->ai_addrlen;
  address.text = fmt::format("{}:{}", orders.server_host, orders.server_port);
  return address;
}

pg::ScramKey fresh_mock_seed() {
  pg::ScramKey seed;
  const auto bytes = seed.bytes();
  CHECK(::getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  return seed;
}

Result<std::shared_ptr<const gateway::Settings>> settings_of(const GatewayOrders& orders,
                                                             const pg::ScramKey& seed) {
  auto settings = std::make_shared<gateway::Settings>();
  settings->admin_user = orders.admin_user;
  settings->socket_peers = orders.socket_trust == SocketTrust::On ? gateway::SocketPeers::Trusted
                                                                  : gateway::SocketPeers::Prove;
  settings->version = PGKEEL_VERSION;
  TRY(server, server_address(orders));
  settings->server = std::move(server);
  TRY(server_tls, server_tls_of(orders));
  settings->server_tls = std::move(server_tls);
  settings->pool.sharing = orders.pool == GatewayPool::Session ? gateway::Sharing::Session
                                                               : gateway::Sharing::Transaction;
  settings->pool.size = static_cast<std::size_t>(orders.size);
  settings->pool.wait_most = orders.hold_max;
  settings->terms.mock_seed = seed;
  settings->terms.tls = gateway::ClientTls::Off;
  if (orders.certificate.empty()) return settings;
  TRY(tls, tls_of(orders));
  settings->tls = std::move(tls);
  settings->terms.tls = gateway::ClientTls::Allow;
  return settings;
}

Result<std::unique_ptr<gateway::VerifierSource>> verifier_source(
    const GatewayOrders& orders, gateway::AskedVerifiers::Ask ask,
    gateway::AskedVerifiers::Post post) {
  if (orders.auth == GatewayAuth::Verifier)
    return std::make_unique<gateway::AskedVerifiers>(std::move(ask), std::move(post),
                                                     orders.hold_max);
  TRY(file, gateway::PasswordFile::parse(orders.passwords));
  return std::make_unique<gateway::FileVerifiers>(std::move(file));
}

namespace {

// Where orders say so: at the place libpq makes of a directory and a port.
Result<std::optional<gateway::UnixListener>> unix_listener_of(const GatewayOrders& orders) {
  if (orders.socket_dir.empty()) return std::nullopt;
  auto made = gateway::UnixListener::at(
      fmt::format("{}/.s.PGSQL.{}", orders.socket_dir, orders.listen.port));
  if (!made) return fail(std::move(made).error().with_context("gateway.socket_dir"));
  return std::move(*made);
}

}  // namespace

Result<int> serve_gateway(const GatewayOrders& orders,
                          std::shared_ptr<const gateway::Settings> settings,
                          const GatewayParts& parts, std::stop_token stop) {
  forbid_core_dumps();
  raise_descriptor_limit();
  TRY(at_socket, unix_listener_of(orders));  // before there are threads: see UnixListener::at()
  gateway::Worker* worker = nullptr;
  TRY(source, verifier_source(orders, parts.ask, [&worker](std::function<void()> call) {
        worker->post(std::move(call));
      }));
  // io_uring is not trusted yet: see docs/adr/0012.
  TRY(made, gateway::Worker::create(settings, std::move(source), gateway::Loop::Backend::Epoll));
  worker = made.get();
  TRY(listener, listen_at(orders.listen));
  const runtime::Fd closes(listener);
  TRY_VOID(made->listen(listener, gateway::Client::Channel::Tcp));
  if (at_socket)
    TRY_VOID(made->listen(at_socket->descriptor(), gateway::Client::Channel::UnixSocket));
  if (parts.give_up_rights) TRY_VOID(parts.give_up_rights());
  const std::stop_callback on_stop(stop, [worker] { worker->stop(); });
  const auto beside = parts.beside ? parts.beside(*made) : nullptr;
  log_info("the gateway listens",
           {{"listen", fmt::format("{}:{}", orders.listen.host, orders.listen.port)},
            {"socket", at_socket ? at_socket->path() : ""},
            {"server", settings->server.text},
            {"loop", made->loop().name()},
            {"pool", orders.pool == GatewayPool::Session ? "session" : "transaction"},
            {"size", orders.size}});
  TRY_VOID(made->run());
  return 0;
}

}  // namespace pgkeel::app
