// What the guard tells a gateway: made from the configuration, and read as it was written.
#include "app/gateway/figures.hpp"
#include "app/gateway/orders.hpp"

#include <gmock/gmock.h>

#include "runtime/files.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::app {
namespace {

Config config_at(std::string_view listen) {
  Config config;
  if (!listen.empty()) config.gateway.listen = ListenAddress{std::string(listen), 6543};
  return config;
}

pg::Conninfo server_at(const std::string& text) { return pg::parse_conninfo(text).value(); }

GatewayOrders full_orders() {
  GatewayOrders orders;
  orders.listen = {"10.0.0.1", 65'535};
  orders.server_socket = "/run/postgresql/.s.PGSQL.5433";
  orders.server_host = "db.example";
  orders.server_port = 5433;
  orders.pool = GatewayPool::Transaction;
  orders.size = 7;
  orders.hold_max = Millis(1'500);
  orders.auth = GatewayAuth::File;
  orders.passwords = "\"app\" \"a\\\\b \xC3\xA4\"\n";
  orders.certificate = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n";
  orders.key = "-----BEGIN PRIVATE KEY-----\nMII=\n-----END PRIVATE KEY-----\n";
  orders.admin_user = "postgres";
  orders.account = "nobody";
  return orders;
}

TEST(GatewayOrders, AreReadAsTheyWereWritten) {
  // Goal: every member, line ends and all; another digest for any other.
  const auto orders = full_orders();
  const auto text = to_json(orders);
  EXPECT_EQ(parse_orders(text).value(), orders);
  auto other = orders;
  other.key += "\n";
  EXPECT_NE(digest_of(to_json(other)), digest_of(text));
}

TEST(GatewayOrders, AreRefusedWhenSomethingLacks) {
  // Goal: no gateway with half of its orders: each member in turn, and what is no JSON.
  const auto text = to_json(full_orders());
  int members = 0;
  for (auto at = text.find("\":"); at != std::string::npos; at = text.find("\":", at + 1)) {
    auto damaged = text;
    damaged.insert(at, "x");
    EXPECT_FALSE(parse_orders(damaged)) << damaged;
    ++members;
  }
  EXPECT_EQ(members, 14);
  EXPECT_FALSE(parse_orders(text.substr(0, text.size() / 2)));
  EXPECT_FALSE(parse_orders("[]"));
}

TEST(GatewayFigures, AreReadAsTheyWereWrittenAndSaidInWords) {
  // Goal: every figure, and one sentence of them; nonsense is refused or zero.
  const serve::GatewayFigures figures{.clients = 12,
                                      .clients_waiting = 3,
                                      .longest_wait = Millis(45),
                                      .servers_active = 4,
                                      .servers_idle = 1,
                                      .servers_opening = 2,
                                      .transactions = 1'000,
                                      .queries = 2'000,
                                      .received_bytes = 3'000,
                                      .sent_bytes = 4'000,
                                      .waited = std::chrono::microseconds(5'000)};
  EXPECT_EQ(parse_figures(to_json(figures)).value(), figures);
  EXPECT_EQ(in_words(figures), "12 clients, 3 of them waiting over 5 connections to the server");
  EXPECT_EQ(in_words({.clients = 1, .servers_idle = 1}),
            "1 client over 1 connection to the server");
  EXPECT_FALSE(parse_figures("{"));
  EXPECT_EQ(parse_figures(R"({"clients":-5,"queries":"many"})").value(), serve::GatewayFigures{});
}

TEST(GatewayOrders, ReachALocalServerOverTcpUnlessTold) {
  // Goal: the server's own socket asks for peer; its port is kept, and where it is elsewhere so.
  const auto local = orders_of(config_at("h"), server_at("host=/run/postgresql port=5433")).value();
  EXPECT_EQ(local.server_host, "127.0.0.1");
  EXPECT_EQ(local.server_port, 5433);
  EXPECT_EQ(local.server_socket, "");
  auto config = config_at("h");
  config.gateway.server_socket = "/run/pg";
  EXPECT_EQ(orders_of(config, server_at("port=5433")).value().server_socket,
            "/run/pg/.s.PGSQL.5433");
  const auto remote = orders_of(config_at("h"), server_at("postgresql://keel@db/x")).value();
  EXPECT_EQ(remote.server_host, "db");
  EXPECT_EQ(remote.server_port, 5432);
  EXPECT_EQ(remote.admin_user, "keel");
}

TEST(GatewayOrders, BringTheFilesTheGatewayMayNotRead) {
  // Goal: the certificate with its key in one file or two, and the password file; none that lacks.
  const test::TempDir dir;
  const auto write = [&](const char* name, std::string_view text) {
    const auto path = dir.path() / name;
    runtime::write_file_atomic(path, text).value();
    return path;
  };
  auto config = config_at("h");
  config.gateway.tls_cert = write("one.pem", "C\n-----BEGIN PRIVATE KEY-----\nK\n");
  const auto one = orders_of(config, server_at("")).value();
  EXPECT_EQ(one.key, one.certificate);
  config.gateway.tls_cert = write("two.crt", "C\n");
  EXPECT_FALSE(orders_of(config, server_at("")));
  write("two.key", "K\n");
  const auto two = orders_of(config, server_at("")).value();
  EXPECT_EQ(two.certificate, "C\n");
  EXPECT_EQ(two.key, "K\n");
  config.gateway.auth = GatewayAuth::File;
  EXPECT_EQ(orders_of(config, server_at("")).error().code, ErrorCode::ConfigBadValue);
  config.gateway.auth_file = write("users", "\"a\" \"b\"\n");
  EXPECT_EQ(orders_of(config, server_at("")).value().passwords, "\"a\" \"b\"\n");
  EXPECT_EQ(orders_of(config_at(""), server_at("")).error().code, ErrorCode::ConfigBadValue);
}

}  // namespace
}  // namespace pgkeel::app
