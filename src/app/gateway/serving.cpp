// See serving.hpp.
#include "app/gateway/serving.hpp"

#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstring>

#include <fmt/format.h>

#include "app/gateway/addresses.hpp"
#include "base/log.hpp"
#include "gateway/credentials/file_verifiers.hpp"

namespace pgkeel::app {
namespace {

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

Result<void> listen(gateway::Worker& worker, const GatewayFront& front) {
  TRY_VOID(worker.listen(front.tcp.get(), gateway::Client::Channel::Tcp));
  if (!front.at_socket) return {};
  return worker.listen(front.at_socket->descriptor(), gateway::Client::Channel::UnixSocket);
}

// Whom others take over from where its guard starts another.
Result<std::unique_ptr<TakeoverDoor>> door_of(gateway::Worker& worker, GatewayFront& front,
                                              const FrontPlaces& places) {
  clear_takeover_sockets();
  return TakeoverDoor::open(worker, front, places);
}

// The lock is said to be ours from here on: whoever reads it finds our door.
Result<void> succeed(FormerGateway& former, GatewayFront& front) {
  TRY_VOID(former.say_ready());
  log_info("taken over from the gateway that ran");
  return front.lock->rename_holder(gateway_lock_note());
}

}  // namespace

std::string gateway_lock_note() { return fmt::format("pgkeel gateway (pid {})", ::getpid()); }

Result<int> serve_gateway(const GatewayOrders& orders,
                          std::shared_ptr<const gateway::Settings> settings, GatewayParts parts,
                          std::stop_token stop) {
  forbid_core_dumps();
  raise_descriptor_limit();
  const auto places = places_of(orders);
  TRY(front, parts.taken ? std::move(parts.taken->front) : open_front(orders));
  if (parts.lock) front.lock = std::move(parts.lock);
  gateway::Worker* worker = nullptr;
  TRY(source, verifier_source(orders, parts.ask, [&worker](std::function<void()> call) {
        worker->post(std::move(call));
      }));
  // io_uring is not trusted yet: see docs/adr/0012.
  TRY(made, gateway::Worker::create(settings, std::move(source), gateway::Loop::Backend::Epoll));
  worker = made.get();
  std::unique_ptr<TakeoverDoor> door;
  std::unique_ptr<FormerGateway> former;
  if (parts.takeover == GatewayParts::Takeover::Yes) {
    TRY(opened, door_of(*made, front, places));
    door = std::move(opened);
  }
  if (parts.taken) former = std::make_unique<FormerGateway>(*made, std::move(parts.taken->line));
  if (former) made->set_other_clients(*former);
  TRY_VOID(listen(*made, front));
  if (parts.give_up_rights) TRY_VOID(parts.give_up_rights());
  if (former) TRY_VOID(succeed(*former, front));
  const std::stop_callback on_stop(stop, [worker] { worker->stop(); });
  const auto beside = parts.beside ? parts.beside(*made) : nullptr;
  log_info("the gateway listens",
           {{"listen", places.tcp},
            {"socket", places.socket},
            {"server", settings->server.text},
            {"loop", made->loop().name()},
            {"pool", orders.pool == GatewayPool::Session ? "session" : "transaction"},
            {"size", orders.size}});
  TRY_VOID(made->run());
  if (made->draining()) log_info("the last client has left: ending");
  return 0;
}

}  // namespace pgkeel::app
