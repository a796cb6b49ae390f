// Who gets in through the gateway, and as what: libpq on one side, a server that asks for passwords
// on the other, and no password in between.
#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/tls/channel.hpp"
#include "integration/gateway/running_gateway.hpp"
#include "pg/wire/startup.hpp"

namespace pgkeel::test {
namespace {

using testing::HasSubstr;

class GatewayLogin : public testing::Test {
 protected:
  GatewayLogin() {
    server_.query("create role app login password 'secret'");
    server_.query("set password_encryption = 'md5'; create role old login password 'older'");
    server_.query("create role locked nologin password 'secret'");
    server_.query("create database other");
    server_.set_hba(
        "local all postgres trust\nhost all postgres 127.0.0.1/32 trust\n"
        "local all old md5\nlocal all all scram-sha-256\n");
    gateway_ = std::make_unique<RunningGateway>(server_, GatewayOptions{.scram = true});
  }
  std::string said_to(const std::string& more) { return refusal_of(gateway_->conninfo(more)); }

  PostgresServer server_;
  std::unique_ptr<RunningGateway> gateway_;
};

TEST_F(GatewayLogin, TheProofOpensTheServer) {
  // Goal: hazard 6: a client proves itself to the gateway, which has no password and proves it to
  // the server; a second client comes while the first is in.
  Session one(gateway_->conninfo("user=app password=secret"));
  EXPECT_EQ(one("select current_user"), "app");
  Session two(gateway_->conninfo("user=app password=secret application_name=second"));
  EXPECT_EQ(two("select session_user"), "app");
  Session old(gateway_->conninfo("user=old password=older"));
  EXPECT_EQ(old("select current_user"), "old");
}

TEST_F(GatewayLogin, AWrongPasswordLooksLikeNoUser) {
  // Goal: hazard 6: the server's words and SQLSTATE, the same for a user that does not exist.
  EXPECT_THAT(said_to("user=app password=wrong"),
              HasSubstr("password authentication failed for user \"app\""));
  EXPECT_THAT(said_to("user=nobody password=x"),
              HasSubstr("password authentication failed for user \"nobody\""));
  EXPECT_THAT(said_to("user=old password=wrong"), HasSubstr("password authentication failed"));
}

TEST_F(GatewayLogin, WhatTheServerRefusesIsTold) {
  // Goal: hazard 6: no such database, a role that may not log in: the server's own words, at once.
  EXPECT_THAT(said_to("user=app password=secret dbname=nowhere"),
              HasSubstr("database \"nowhere\" does not exist"));
  EXPECT_THAT(said_to("user=locked password=secret"),
              HasSubstr("role \"locked\" is not permitted to log in"));
}

TEST_F(GatewayLogin, Hazard08ParametersAreTheServers) {
  // Goal: hazard 8: what a driver reads from the greeting is what the server said.
  const Session one(gateway_->conninfo("user=app password=secret"));
  const Session direct(server_.conninfo());
  for (const auto* name : {"server_version", "server_encoding", "client_encoding", "DateStyle",
                           "integer_datetimes", "standard_conforming_strings", "TimeZone"})
    EXPECT_STREQ(PQparameterStatus(one.get(), name), PQparameterStatus(direct.get(), name)) << name;
  EXPECT_STREQ(PQparameterStatus(one.get(), "session_authorization"), "app");
}

TEST_F(GatewayLogin, EachDatabaseAndUserHasItsOwnServers) {
  // Goal: B4: nobody gets a connection of another user or database.
  Session app(gateway_->conninfo("user=app password=secret"));
  Session other(gateway_->conninfo("user=app password=secret dbname=other"));
  Session old(gateway_->conninfo("user=old password=older"));
  EXPECT_EQ(app("select current_database() || current_user"), "postgresapp");
  EXPECT_EQ(other("select current_database() || current_user"), "otherapp");
  EXPECT_EQ(old("select current_database() || current_user"), "postgresold");
}

TEST_F(GatewayLogin, Hazard06TlsWithChannelBinding) {
  // Goal: hazards 1, 6: TLS to the gateway, SCRAM bound to it, large results both ways; whoever
  // comes in clear where TLS is a must is refused.
  const RunningGateway gateway(server_, {.scram = true, .tls = gateway::ClientTls::Require});
  Session one(gateway.conninfo("user=app password=secret sslmode=require channel_binding=require"));
  EXPECT_EQ(one("select current_user"), "app");
  EXPECT_EQ(one("select length(repeat('x', 20000000))"), "20000000");
  EXPECT_EQ(one("select sum(length(n::text)) > 0 from generate_series(1, 200000) n"), "t");
  EXPECT_EQ(one("select repeat(md5('1'), 100000)").size(), 3'200'000U);
  const auto large = std::string(3U << 20U, 'y');
  EXPECT_EQ(one("select length('" + large + "')"), std::to_string(large.size()));
  EXPECT_THAT(refusal_of(gateway.conninfo("user=app password=secret sslmode=disable")),
              HasSubstr("connections without SSL are not allowed"));
}

// A client that shakes hands, says `last` and closes TLS, all of it in one write.
void say_and_close(std::uint16_t port, const std::string& last) {
  const int made = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(made, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const auto context = gateway::TlsContext::client(gateway::TlsVerify::None).value();
  auto channel =
      gateway::TlsChannel::connect(context, "localhost", gateway::TlsOpening::Requested).value();
  pg::wire::ByteBuffer out;
  append(out, pg::wire::TlsRequest{});
  ASSERT_EQ(::send(made, out.data(), out.size(), 0), static_cast<ssize_t>(out.size()));
  std::array<std::byte, 32768> in{};
  ASSERT_EQ(::recv(made, in.data(), 1, 0), 1);
  out.clear();
  channel.start(out).value();
  while (channel.state() == gateway::TlsChannel::State::Handshaking) {
    ASSERT_EQ(::send(made, out.data(), out.size(), 0), static_cast<ssize_t>(out.size()));
    out.clear();
    const auto got = ::recv(made, in.data(), in.size(), 0);
    ASSERT_GT(got, 0);
    std::array<std::byte, 32768> plain{};
    ByteSpan bytes(in.data(), static_cast<std::size_t>(got));
    while (!channel.receive(bytes, plain, out).value().empty()) {
    }
  }
  channel.send(std::as_bytes(std::span(last)), out).value();
  channel.close(out);
  ASSERT_EQ(::send(made, out.data(), out.size(), 0), static_cast<ssize_t>(out.size()));
  while (::recv(made, in.data(), in.size(), 0) > 0) {
  }
  ::close(made);
}

TEST_F(GatewayLogin, Hazard07WhoClosesTlsAtOnceHarmsNobody) {
  // Goal: hazard 7, bad input: the end of the handshake, a packet that is none or is one, and the
  // end of TLS, all at once.
  const RunningGateway gateway(server_, {.scram = true, .tls = gateway::ClientTls::Allow});
  pg::wire::ByteBuffer startup;
  pg::wire::append_startup(startup, {3, 0},
                           std::vector<pg::wire::StartupParameter>{{"user", "app"}});
  for (const auto& last :
       {std::string(100, 'x'), std::string(8, '\0'),
        std::string(reinterpret_cast<const char*>(startup.data()), startup.size())})
    say_and_close(gateway.port(), last);
  Session one(gateway.conninfo("user=app password=secret sslmode=require"));
  EXPECT_EQ(one("select current_user"), "app");
}

}  // namespace
}  // namespace pgkeel::test
