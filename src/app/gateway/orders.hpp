// What a gateway works with, all of it: it reads no configuration and no file itself, so that it
// needs no right to. Made from the configuration by the guard, or by `pgkeel gateway` alone.
#pragma once

#include <string>

#include "app/config.hpp"
#include "pg/conninfo.hpp"

namespace pgkeel::app {

/// libpq's sslmode.
enum class SslMode : std::uint8_t { Disable, Prefer, Require, VerifyCa, VerifyFull };

struct GatewayOrders {
  ListenAddress listen;
  std::string socket_dir;  ///< of the Unix socket beside it; empty: none
  SocketTrust socket_trust = SocketTrust::Off;
  // The server: over its Unix socket where that is not empty.
  std::string server_socket;
  std::string server_host;
  std::uint16_t server_port = 0;
  SslMode server_sslmode = SslMode::Disable;  ///< over TCP
  std::string server_authorities;  ///< PEM; empty: those of the system, where any are asked for

  GatewayPool pool = GatewayPool::Session;
  int size = 0;  ///< servers of a database and user
  Millis hold_max{};
  GatewayAuth auth = GatewayAuth::Verifier;
  std::string passwords;    ///< the text of gateway.auth_file
  std::string certificate;  ///< PEM; empty: no TLS
  std::string key;          ///< PEM
  std::string admin_user;   ///< who may open the admin console
  std::string account;      ///< whom to become where it begins as root
  friend bool operator==(const GatewayOrders&, const GatewayOrders&) = default;
};

/// ConfigBadValue: a file that cannot be read, no address to listen at. `server`: as the guard
/// itself reaches it.
[[nodiscard]] Result<GatewayOrders> orders_of(const Config& config, const pg::Conninfo& server);

/// One line of JSON. It holds secrets.
[[nodiscard]] std::string to_json(const GatewayOrders& orders);
/// Malformed: not what to_json() writes, or a guard of an earlier version: after an upgrade the new
/// gateway may be there before the new guard.
[[nodiscard]] Result<GatewayOrders> parse_orders(std::string_view json);
/// Another one where anything differs.
[[nodiscard]] std::string digest_of(const std::string& orders_json);

}  // namespace pgkeel::app
