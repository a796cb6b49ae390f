// Who gets in through the gateway, and as what: libpq on one side, a server that asks for passwords
// on the other, and no password in between.
#include <gmock/gmock.h>

#include "integration/gateway/running_gateway.hpp"

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
  const RunningGateway gateway(server_,
                               {.scram = true, .tls = gateway::ClientTls::Require});
  Session one(gateway.conninfo(
      "user=app password=secret sslmode=require channel_binding=require"));
  EXPECT_EQ(one("select current_user"), "app");
  EXPECT_EQ(one("select length(repeat('x', 20000000))"), "20000000");
  EXPECT_EQ(one("select sum(length(n::text)) > 0 from generate_series(1, 200000) n"), "t");
  EXPECT_EQ(one("select repeat(md5('1'), 100000)").size(), 3'200'000U);
  const auto large = std::string(3U << 20U, 'y');
  EXPECT_EQ(one("select length('" + large + "')"), std::to_string(large.size()));
  EXPECT_THAT(refusal_of(gateway.conninfo("user=app password=secret sslmode=disable")),
              HasSubstr("connections without SSL are not allowed"));
}

}  // namespace
}  // namespace pgkeel::test
