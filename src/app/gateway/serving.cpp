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

Result<gateway::SocketAddress> server_address(const GatewayOrders& orders) {
  if (!orders.server_socket.empty()) return gateway::SocketAddress::of_unix(orders.server_socket);
  TRY(found, addresses_of(orders.server_host, orders.server_port, 0));
  gateway::SocketAddress address;
  std::memcpy(&address.address, found->ai_addr, found->ai_addrlen);
  address.bytes = found->ai_addrlen;
  address.text = fmt::format("{}:{}", orders.server_host, orders.server_port);
  return address;
}

Result<std::shared_ptr<const gateway::TlsContext>> tls_of(const GatewayOrders& orders) {
  auto made = gateway::TlsContext::server({orders.certificate, orders.key});
  if (!made)
    return fail(Error(ErrorCode::ConfigBadValue, "gateway.tls_cert: " + made.error().message())
                    .with_hint("A PEM file with the certificate first and its key behind it, or "
                               "the key beside it with .key for its extension."));
  return std::make_shared<const gateway::TlsContext>(std::move(*made));
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
  settings->version = PGKEEL_VERSION;
  TRY(server, server_address(orders));
  settings->server = std::move(server);
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

Result<int> serve_gateway(const GatewayOrders& orders,
                          std::shared_ptr<const gateway::Settings> settings,
                          const GatewayParts& parts, std::stop_token stop) {
  forbid_core_dumps();
  raise_descriptor_limit();
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
  if (parts.give_up_rights) TRY_VOID(parts.give_up_rights());
  const std::stop_callback on_stop(stop, [worker] { worker->stop(); });
  const auto beside = parts.beside ? parts.beside(*made) : nullptr;
  log_info("the gateway listens",
           {{"listen", fmt::format("{}:{}", orders.listen.host, orders.listen.port)},
            {"server", settings->server.text},
            {"loop", made->loop().name()},
            {"pool", orders.pool == GatewayPool::Session ? "session" : "transaction"},
            {"size", orders.size}});
  TRY_VOID(made->run());
  return 0;
}

}  // namespace pgkeel::app
