// What a worker works with: an immutable snapshot, replaced as a whole when the configuration or
// the route to the server changes.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "gateway/session/client_login.hpp"
#include "gateway/session/client_session.hpp"
#include "gateway/session/server_login.hpp"
#include "gateway/tls/context.hpp"

namespace pgkeel::gateway {

/// An address to connect to, resolved: no name is looked up while queries wait.
struct SocketAddress {
  sockaddr_storage address{};
  socklen_t bytes = 0;
  std::string text;  ///< "10.0.0.5:5432", or the socket's path

  [[nodiscard]] sa_family_t family() const { return address.ss_family; }
  friend bool operator==(const SocketAddress& a, const SocketAddress& b);
  /// Malformed: longer than the kernel takes.
  [[nodiscard]] static Result<SocketAddress> of_unix(const std::string& path);
  /// Malformed: not an IPv4 or IPv6 address.
  [[nodiscard]] static Result<SocketAddress> of_ip(const std::string& ip, std::uint16_t port);
};

/// What a peer that does not read may leave with us before the other side is read no more: a result
/// of some pages frees its server at once.
inline constexpr std::size_t kBacklogMost = 256U << 10U;

struct PoolSettings {
  Sharing sharing = Sharing::Session;
  std::size_t size = 20;              ///< servers of a database and user
  std::size_t statements_most = 500;  ///< prepared on one server
  Millis wait_most{25'000};           ///< for a server, before the client is told
  Millis server_lifetime{3'600'000};  ///< a server is replaced when it is idle after that
  Millis server_idle{600'000};        ///< unused for so long it is closed
};

/// What whoever comes over a Unix socket has to prove: as over TCP, or nothing.
enum class SocketPeers : std::uint8_t { Prove, Trusted };

/// Connections that have not logged in yet, beyond which another is refused: 16 kB each at most
/// (ClientLogin::kHeldBytesMost), for 60 seconds. The share of one address has room for what a
/// host's apps open at once after a restart of ours, and leaves three quarters to the others.
struct DoorLimits {
  std::size_t unproven_most = 1'000;
  std::size_t of_address_most = 250;
  std::size_t aside_of_address_most = 2'500;  ///< wait for us, and count as nobody's
};

/// TLS to the server, as sslmode of libpq has it.
struct ServerTlsTerms {
  ServerTls mode = ServerTls::Require;
  std::string host;         ///< a name or an address: whom TlsVerify::Full wants to see
  std::string authorities;  ///< in PEM, as `context` was made from them
  std::shared_ptr<const TlsContext> context;
  friend bool operator==(const ServerTlsTerms& a, const ServerTlsTerms& b) {
    return a.mode == b.mode && a.context->verify() == b.context->verify() && a.host == b.host &&
           a.authorities == b.authorities;
  }
};

struct Settings {
  SocketAddress server;
  std::shared_ptr<const ServerTlsTerms> server_tls;  ///< none: in clear
  PoolSettings pool;
  ClientTerms terms;
  SocketPeers socket_peers = SocketPeers::Prove;
  DoorLimits door;
  std::shared_ptr<const TlsContext> tls;  ///< for clients; none: terms say Off
  std::string admin_user = "postgres";    ///< who may open the admin console
  std::string version;                    ///< "0.1.0"
  std::size_t clients_most = 10'000;
  std::size_t replications_most = 10;  ///< at once: what max_wal_senders of a server is unless set
  Millis login_most{60'000};           ///< of a client, from its first byte
  Millis connect_most{10'000};         ///< of a server, until it is ready

  /// None over a Unix socket, as by libpq.
  [[nodiscard]] std::shared_ptr<const ServerTlsTerms> tls_to_server() const {
    return server.family() == AF_UNIX ? nullptr : server_tls;
  }
  /// Whether connections to the server that were opened with `other` are as these want them.
  [[nodiscard]] bool same_server(const Settings& other) const;
};

}  // namespace pgkeel::gateway
