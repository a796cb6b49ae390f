// What the guard tells a gateway: made from the configuration, and read as it was written.
#include "app/gateway/figures.hpp"
#include "app/gateway/orders.hpp"
#include "app/gateway/serving.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "runtime/files.hpp"
#include "support/temp_dir.hpp"
#include "support/tls_certificate.hpp"

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
  orders.socket_dir = "/run/keel";
  orders.socket_trust = SocketTrust::On;
  orders.server_socket = "/run/postgresql/.s.PGSQL.5433";
  orders.server_host = "db.example";
  orders.server_port = 5433;
  orders.server_sslmode = SslMode::VerifyCa;
  orders.server_authorities = "-----BEGIN CERTIFICATE-----\nMIJ=\n-----END CERTIFICATE-----\n";
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
  // Goal: no gateway with half of its orders: each member in turn, and what is no JSON. What
  // earlier guards did not say may be missing: they meant the default.
  const auto text = to_json(full_orders());
  int members = 0;
  int may_be_missing = 0;
  for (auto at = text.find("\":"); at != std::string::npos; at = text.find("\":", at + 1)) {
    auto damaged = text;
    damaged.insert(at, "x");
    (parse_orders(damaged) ? may_be_missing : members)++;
  }
  EXPECT_EQ(members, 14);
  EXPECT_EQ(may_be_missing, 4);
  EXPECT_FALSE(parse_orders(text.substr(0, text.size() / 2)));
  EXPECT_FALSE(parse_orders("[]"));
}

TEST(GatewayOrders, OfAnEarlierGuardAreUnderstood) {
  // Goal: the program is replaced while its guard runs on: its orders are those of a gateway
  // without Unix socket and without TLS to the server, and not of none.
  auto orders = full_orders();
  orders.socket_dir.clear();
  orders.socket_trust = SocketTrust::Off;
  orders.server_sslmode = SslMode::Disable;
  orders.server_authorities.clear();
  auto said = nlohmann::json::parse(to_json(orders));
  for (const auto* later : {"socket_dir", "socket_trust", "server_sslmode", "server_authorities"})
    EXPECT_EQ(said.erase(later), 1U);
  EXPECT_EQ(parse_orders(said.dump()).value(), orders);
}

TEST(GatewayFigures, AreReadAsTheyWereWrittenAndSaidInWords) {
  // Goal: every figure, and one sentence of them; nonsense is refused or zero.
  serve::GatewayFigures figures{.clients = 12,
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
  figures.waits.add(std::chrono::microseconds(300), 7);
  figures.added.add(std::chrono::hours(1));
  EXPECT_EQ(parse_figures(to_json(figures)).value(), figures);
  EXPECT_NE(figures.waits, DurationHistogram());
  EXPECT_EQ(in_words(figures), "12 clients, 3 of them waiting over 5 connections to the server");
  EXPECT_EQ(in_words({.clients = 1, .servers_idle = 1}),
            "1 client over 1 connection to the server");
  EXPECT_FALSE(parse_figures("{"));
  EXPECT_EQ(parse_figures(R"({"clients":-5,"queries":"many"})").value(), serve::GatewayFigures{});
  EXPECT_EQ(parse_figures(R"({"waits":{"counts":[1,2],"sum_us":3},"added":7})").value(),
            serve::GatewayFigures{});
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

TEST(GatewayOrders, SayWhereTheUnixSocketIs) {
  // Goal: what the configuration says of it, and nothing of it where that is silent.
  const auto none = orders_of(config_at("h"), server_at("")).value();
  EXPECT_EQ(none.socket_dir, "");
  EXPECT_EQ(none.socket_trust, SocketTrust::Off);
  auto config = config_at("h");
  config.gateway.socket_dir = "/run/keel";
  config.gateway.socket_trust = SocketTrust::On;
  const auto both = orders_of(config, server_at("")).value();
  EXPECT_EQ(both.socket_dir, "/run/keel");
  EXPECT_EQ(both.socket_trust, SocketTrust::On);
}

TEST(GatewayOrders, HaveTheTlsOfTheServersUrl) {
  // Goal: sslmode as libpq has it; with none, TLS where the server is elsewhere and has it; over a
  // socket never; an sslmode that libpq would refuse is refused.
  const auto mode_of = [](const std::string& url) {
    return orders_of(config_at("h"), server_at(url)).value().server_sslmode;
  };
  EXPECT_EQ(mode_of("host=/run/postgresql"), SslMode::Disable);
  EXPECT_EQ(mode_of("host=127.0.0.1"), SslMode::Disable);
  EXPECT_EQ(mode_of("host=localhost sslmode=prefer"), SslMode::Prefer);
  EXPECT_EQ(mode_of("host=db"), SslMode::Prefer);
  EXPECT_EQ(mode_of("host=db sslmode=allow"), SslMode::Prefer);
  EXPECT_EQ(mode_of("host=db sslmode=disable"), SslMode::Disable);
  EXPECT_EQ(mode_of("postgresql://db/x?sslmode=require"), SslMode::Require);
  EXPECT_FALSE(orders_of(config_at("h"), server_at("host=db sslmode=sometimes")));
  auto config = config_at("h");
  config.gateway.server_socket = "/run/pg";
  EXPECT_EQ(orders_of(config, server_at("host=db sslmode=require")).value().server_sslmode,
            SslMode::Disable);
}

TEST(GatewayOrders, BringTheServersAuthorities) {
  // Goal: the text of sslrootcert; with it require verifies, as by libpq; without one a mode that
  // verifies is refused rather than weakened; `system` is the system's.
  const test::TempDir dir;
  const auto file = (dir.path() / "root.crt").string();
  runtime::write_file_atomic(file, "C\n").value();
  const auto of = [&](const std::string& more) {
    return orders_of(config_at("h"), server_at("host=db " + more));
  };
  for (const auto* mode : {"require", "verify-ca"}) {
    const auto orders = of(std::string("sslmode=") + mode + " sslrootcert=" + file).value();
    EXPECT_EQ(orders.server_sslmode, SslMode::VerifyCa);
    EXPECT_EQ(orders.server_authorities, "C\n");
  }
  EXPECT_EQ(of("sslmode=verify-full sslrootcert=" + file)->server_sslmode, SslMode::VerifyFull);
  EXPECT_EQ(of("sslmode=prefer sslrootcert=" + file)->server_authorities, "");
  const auto system = of("sslmode=verify-full sslrootcert=system").value();
  EXPECT_EQ(system.server_sslmode, SslMode::VerifyFull);
  EXPECT_EQ(system.server_authorities, "");
  EXPECT_EQ(of("sslrootcert=system")->server_sslmode, SslMode::VerifyFull);
  EXPECT_EQ(of("sslmode=require sslrootcert=system").error().code, ErrorCode::ConfigBadValue);
  const auto absent = of("sslmode=require sslrootcert=/nowhere/root.crt").value();
  EXPECT_EQ(absent.server_sslmode, SslMode::Require);
  EXPECT_EQ(absent.server_authorities, "");
  const auto nowhere = of("sslmode=verify-ca sslrootcert=/nowhere/root.crt");
  EXPECT_EQ(nowhere.error().code, ErrorCode::ConfigBadValue);
}

TEST(GatewayOrders, BecomeTheTlsOfTheServer) {
  // Goal: each mode verifies what it says, against the name in the URL; other authorities are
  // another server, the same ones are not; what is no certificate is refused.
  GatewayOrders orders;
  orders.server_host = "127.0.0.1";
  orders.server_authorities = test::TlsCertificate("an authority").pem();
  const auto made = [&](SslMode mode) {
    orders.server_sslmode = mode;
    return settings_of(orders, pg::ScramKey()).value();
  };
  EXPECT_EQ(made(SslMode::Disable)->tls_to_server(), nullptr);
  const auto prefer = made(SslMode::Prefer)->tls_to_server();
  EXPECT_EQ(prefer->mode, gateway::ServerTls::Prefer);
  EXPECT_EQ(prefer->context->verify(), gateway::TlsVerify::None);
  using enum gateway::TlsVerify;
  for (const auto& [mode, verify] :
       {std::pair(SslMode::Require, None), std::pair(SslMode::VerifyCa, Authority),
        std::pair(SslMode::VerifyFull, Full)}) {
    const auto terms = made(mode)->tls_to_server();
    EXPECT_EQ(terms->mode, gateway::ServerTls::Require);
    EXPECT_EQ(terms->context->verify(), verify);
    EXPECT_EQ(terms->host, "127.0.0.1");
  }
  const auto full = made(SslMode::VerifyFull);
  EXPECT_TRUE(full->same_server(*made(SslMode::VerifyFull)));
  EXPECT_FALSE(full->same_server(*made(SslMode::VerifyCa)));
  EXPECT_FALSE(full->same_server(*made(SslMode::Disable)));
  orders.server_authorities = test::TlsCertificate("an authority").pem();
  EXPECT_FALSE(full->same_server(*made(SslMode::VerifyFull)));
  orders.server_authorities = "C";
  EXPECT_EQ(settings_of(orders, pg::ScramKey()).error().code, ErrorCode::ConfigBadValue);
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
