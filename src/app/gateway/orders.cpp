// See orders.hpp.
#include "app/gateway/orders.hpp"

#include <functional>

#include <fmt/format.h>

#include "app/gateway/server_sslmode.hpp"
#include "app/json_read.hpp"
#include "gateway/credentials/password_file.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCertificateBytesMost = 1U << 20U;
constexpr std::uint16_t kDefaultPort = 5432;

// Clients prove themselves by passwords, which the server's Unix socket seldom asks for: over TCP.
void set_server(const Config& config, pg::Conninfo server, GatewayOrders& orders) {
  if (server.host.empty()) server.host = "127.0.0.1";
  const auto hosts = server.hosts();
  const auto host = hosts.empty() ? pg::ConninfoHost{} : hosts.front();
  const bool local = host.host.empty() || host.host.starts_with('/') || host.host.starts_with('@');
  orders.server_port = host.port == 0 ? kDefaultPort : host.port;
  orders.server_host = local ? std::string("127.0.0.1") : host.host;
  if (const auto& directory = config.gateway.server_socket; !directory.empty())
    orders.server_socket = directory / fmt::format(".s.PGSQL.{}", orders.server_port);
}

// Read here, as the guard's own connections read it: the gateway may not.
Result<void> set_server_tls(const pg::Conninfo& server, GatewayOrders& orders) {
  if (!orders.server_socket.empty()) return {};
  TRY(mode, sslmode_of(server, orders.server_host));
  orders.server_sslmode = mode;
  const auto file = authorities_file(server, mode);
  if (file.empty()) return {};
  auto pem = runtime::read_file(file, kCertificateBytesMost);
  if (!pem)
    return fail(Error(ErrorCode::ConfigBadValue, "sslrootcert: " + pem.error().message())
                    .with_hint("Set sslrootcert in instance.url to a PEM file of the authorities "
                               "whose certificates the server may have."));
  orders.server_authorities = std::move(*pem);
  return {};
}

Result<void> set_certificate(const fs::path& file, GatewayOrders& orders) {
  TRY(pem, runtime::read_file(file, kCertificateBytesMost));
  orders.key = pem;
  if (pem.find("PRIVATE KEY-----") == std::string::npos) {
    auto beside = file;
    TRY(read, runtime::read_file(beside.replace_extension(".key"), kCertificateBytesMost));
    orders.key = std::move(read);
  }
  orders.certificate = std::move(pem);
  return {};
}

Result<void> set_passwords(const fs::path& file, GatewayOrders& orders) {
  if (file.empty())
    return fail(Error(ErrorCode::ConfigBadValue, "gateway.auth is file, and there is none")
                    .with_hint("Set gateway.auth_file to a file of users and passwords."));
  TRY(text, runtime::read_file(file, gateway::kPasswordFileBytesMost));
  orders.passwords = std::move(text);
  return {};
}

/// Takes members out of an object, and notes the first that is not there.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {}

  // As it is: text_of() would make line ends visible.
  std::string text(const char* key) {
    const auto& value = member(object_, key);
    if (value.is_string()) return value.get<std::string>();
    note(key);
    return {};
  }
  /// One that guards before it did not say: they meant `then`.
  std::string text_or(const char* key, std::string then) {
    return object_.contains(key) ? text(key) : std::move(then);
  }
  template <class Number>
  Number number(const char* key, Number most) {
    const auto value = number_of(object_, key);
    if (value && *value >= 0 && *value <= std::int64_t{most}) return static_cast<Number>(*value);
    note(key);
    return {};
  }
  [[nodiscard]] Result<void> complete() const {
    if (missing_.empty()) return {};
    return fail(ErrorCode::Malformed, fmt::format("the gateway's orders lack '{}'", missing_));
  }

 private:
  void note(const char* key) {
    if (missing_.empty()) missing_ = key;
  }
  const Json& object_;
  std::string missing_;
};

constexpr std::uint16_t kPortMost = 65'535;
constexpr int kSizeMost = 1'000'000;
constexpr std::int64_t kMillisMost = 86'400'000;

}  // namespace

Result<GatewayOrders> orders_of(const Config& config, const pg::Conninfo& server) {
  const auto& wanted = config.gateway;
  if (!wanted.listen)
    return fail(Error(ErrorCode::ConfigBadValue, "gateway.listen is off")
                    .with_hint("Set gateway.listen to an address such as 127.0.0.1:6543."));
  GatewayOrders orders;
  orders.listen = *wanted.listen;
  orders.socket_dir = wanted.socket_dir;
  orders.socket_trust = wanted.socket_trust;
  set_server(config, server, orders);
  TRY_VOID(set_server_tls(server, orders));
  orders.pool = wanted.pool;
  orders.size = wanted.size;
  orders.hold_max = wanted.hold_max;
  orders.auth = wanted.auth;
  if (wanted.auth == GatewayAuth::File) TRY_VOID(set_passwords(wanted.auth_file, orders));
  if (!wanted.tls_cert.empty()) TRY_VOID(set_certificate(wanted.tls_cert, orders));
  orders.admin_user = server.user.empty() ? "postgres" : server.user;
  orders.account = wanted.account;
  return orders;
}

std::string to_json(const GatewayOrders& orders) {
  return to_line(Json{
      {"listen_host", orders.listen.host},
      {"listen_port", orders.listen.port},
      {"socket_dir", orders.socket_dir},
      {"socket_trust", orders.socket_trust == SocketTrust::On ? "on" : "off"},
      {"server_socket", orders.server_socket},
      {"server_host", orders.server_host},
      {"server_port", orders.server_port},
      {"server_sslmode", to_string(orders.server_sslmode)},
      {"server_authorities", orders.server_authorities},
      {"pool", orders.pool == GatewayPool::Session ? "session" : "transaction"},
      {"size", orders.size},
      {"hold_max_ms", orders.hold_max.count()},
      {"auth", orders.auth == GatewayAuth::Verifier ? "verifier" : "file"},
      {"passwords", orders.passwords},
      {"certificate", orders.certificate},
      {"key", orders.key},
      {"admin_user", orders.admin_user},
      {"account", orders.account},
  });
}

Result<GatewayOrders> parse_orders(std::string_view json) {
  TRY(read, parse_json(json));
  Members members(read);
  GatewayOrders orders;
  orders.listen = {members.text("listen_host"), members.number("listen_port", kPortMost)};
  orders.socket_dir = members.text_or("socket_dir", "");
  orders.socket_trust =
      members.text_or("socket_trust", "off") == "on" ? SocketTrust::On : SocketTrust::Off;
  orders.server_socket = members.text("server_socket");
  orders.server_host = members.text("server_host");
  orders.server_port = members.number("server_port", kPortMost);
  const auto sslmode = parse_sslmode(members.text_or("server_sslmode", "disable"));
  orders.server_authorities = members.text_or("server_authorities", "");
  orders.pool = members.text("pool") == "session" ? GatewayPool::Session : GatewayPool::Transaction;
  orders.size = members.number("size", kSizeMost);
  orders.hold_max = Millis(members.number("hold_max_ms", kMillisMost));
  orders.auth = members.text("auth") == "file" ? GatewayAuth::File : GatewayAuth::Verifier;
  orders.passwords = members.text("passwords");
  orders.certificate = members.text("certificate");
  orders.key = members.text("key");
  orders.admin_user = members.text("admin_user");
  orders.account = members.text("account");
  TRY_VOID(members.complete());
  if (!sslmode) return fail(ErrorCode::Malformed, "the gateway's orders have no such sslmode");
  orders.server_sslmode = *sslmode;
  return orders;
}

std::string digest_of(const std::string& orders_json) {
  return fmt::format("{:016x}", std::hash<std::string>{}(orders_json));
}

}  // namespace pgkeel::app
