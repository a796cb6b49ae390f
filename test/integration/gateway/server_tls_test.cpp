// The gateway's own connections through TLS, to a real server: each sslmode where it may and may
// not come about, and all that goes over a connection in clear.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <future>

#include <fmt/format.h>

#include "integration/gateway/running_gateway.hpp"
#include "support/tls_certificate.hpp"
#include "support/wire_tap.hpp"

namespace pgkeel::test {
namespace {

using gateway::ServerTls;
using gateway::ServerTlsTerms;
using gateway::Sharing;
using gateway::TlsContext;
using gateway::TlsVerify;
using testing::HasSubstr;
using Terms = std::shared_ptr<const ServerTlsTerms>;

const TlsCertificate& authority() {
  static const TlsCertificate made("an authority");
  return made;
}

Terms terms_of(ServerTls mode, TlsVerify verify = TlsVerify::None,
               const std::string& host = "db.example",
               const std::string& authorities = authority().pem()) {
  ServerTlsTerms terms{mode, host, authorities, nullptr};
  terms.context =
      std::make_shared<const TlsContext>(TlsContext::client(verify, authorities).value());
  return std::make_shared<const ServerTlsTerms>(std::move(terms));
}

GatewayOptions over_tcp(Terms tls, Sharing sharing = Sharing::Session) {
  GatewayOptions options;
  options.sharing = sharing;
  options.route = GatewayOptions::Route::Tcp;
  options.server_tls = std::move(tls);
  return options;
}

class GatewayServerTls : public testing::Test {
 protected:
  GatewayServerTls() : server_({.settings = {{"password_encryption", "scram-sha-256"}}}) {
    server_.query("create role app login password 'secret'");
    server_.set_hba("local all postgres trust\nhost all all 127.0.0.1/32 trust\n");
  }
  void turn_tls_on() {
    const TlsCertificate certificate("db", "DNS:db.example,IP:127.0.0.1", &authority());
    put_file("server.key", certificate.key_pem());
    put_file("server.crt", certificate.pem());
    server_.append_config("ssl = on\n");
    server_.restart();
  }
  /// Into the data directory, as the server takes a key: its owner's alone.
  void put_file(const std::string& name, const std::string& text) const {
    const auto path = server_.data_dir() / name;
    std::ofstream(path) << text;
    struct stat owner{};
    ASSERT_EQ(::stat(server_.data_dir().c_str(), &owner), 0);
    ASSERT_EQ(::chown(path.c_str(), owner.st_uid, owner.st_gid), 0);
    ASSERT_EQ(::chmod(path.c_str(), S_IRUSR), 0);
  }
  /// "t" or "f" where a session comes about, else what the client is told.
  [[nodiscard]] std::string seen(Terms tls) const {
    const RunningGateway gateway(server_, over_tcp(std::move(tls)));
    auto refusal = refusal_of(gateway.conninfo());
    if (!refusal.empty()) return refusal;
    return Session(gateway.conninfo())(kUsesTls);
  }

  void cancel_a_query(const GatewayOptions& options) const;

  static constexpr const char* kUsesTls =
      "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
  PostgresServer server_;
};

TEST_F(GatewayServerTls, EachModeIsWhatLibpqMakesOfIt) {
  // Goal: with a server that has TLS: prefer and require take any certificate, verify-ca the
  // authority's, verify-full one of the host's name or address. A wrong authority and a wrong name
  // are told at once, and no session comes about.
  turn_tls_on();
  const auto stranger = TlsCertificate("an authority").pem();
  using enum TlsVerify;
  EXPECT_EQ(seen(nullptr), "f");
  EXPECT_EQ(seen(terms_of(ServerTls::Prefer)), "t");
  EXPECT_EQ(seen(terms_of(ServerTls::Require)), "t");
  EXPECT_EQ(seen(terms_of(ServerTls::Require, Authority, "other.example")), "t");
  EXPECT_EQ(seen(terms_of(ServerTls::Require, Full, "db.example")), "t");
  EXPECT_EQ(seen(terms_of(ServerTls::Require, Full, "127.0.0.1")), "t");
  const auto at = SteadyClock::now();
  EXPECT_THAT(seen(terms_of(ServerTls::Require, Authority, "db.example", stranger)),
              HasSubstr("certificate is not trusted"));
  EXPECT_THAT(seen(terms_of(ServerTls::Require, Full, "other.example")),
              HasSubstr("hostname mismatch"));
  EXPECT_THAT(seen(terms_of(ServerTls::Require, Full, "127.0.0.2")),
              HasSubstr("IP address mismatch"));
  EXPECT_LT(SteadyClock::now() - at, GatewayOptions().wait_most);
}

TEST_F(GatewayServerTls, AServerWithoutTlsIsRefusedWhereItIsRequired) {
  // Goal: require says what lacks and what to do, at once; prefer goes on in clear.
  const auto at = SteadyClock::now();
  const auto told = seen(terms_of(ServerTls::Require));
  EXPECT_THAT(told, HasSubstr("the server has no TLS, and it is required"));
  EXPECT_THAT(told, HasSubstr("Set ssl = on at the server"));
  EXPECT_LT(SteadyClock::now() - at, GatewayOptions().wait_most);
  EXPECT_EQ(seen(terms_of(ServerTls::Prefer)), "f");
}

TEST_F(GatewayServerTls, NeverOverAUnixSocket) {
  // Goal: as by libpq, whatever is required: the server would say no.
  auto options = over_tcp(terms_of(ServerTls::Require));
  options.route = GatewayOptions::Route::Socket;
  const RunningGateway gateway(server_, options);
  EXPECT_EQ(Session(gateway.conninfo())(kUsesTls), "f");
}

TEST_F(GatewayServerTls, OpensWithTheClientsProofAndABoundChannel) {
  // Goal: hazard 6: hostssl with SCRAM, by the keys a client's proof yielded, in both ways of
  // pooling; in clear nobody is let in. A server that offers a bound channel refuses one that is
  // said not to be seen.
  turn_tls_on();
  server_.set_hba(
      "host all postgres 127.0.0.1/32 trust\nhostssl all app 127.0.0.1/32 scram-sha-256\n");
  for (const auto sharing : {Sharing::Session, Sharing::Transaction}) {
    auto options = over_tcp(terms_of(ServerTls::Require, TlsVerify::Full, "db.example"), sharing);
    options.scram = true;
    const RunningGateway gateway(server_, options);
    const auto as_app = gateway.conninfo("user=app password=secret");
    Session session(as_app);
    EXPECT_EQ(session(kUsesTls), "t");
    EXPECT_EQ(session("select current_user"), "app");
    EXPECT_THAT(refusal_of(gateway.conninfo("user=app password=wrong")),
                HasSubstr("password authentication failed"));
    options.server_tls = nullptr;
    const RunningGateway in_clear(server_, options);
    EXPECT_THAT(refusal_of(in_clear.conninfo("user=app password=secret")),
                HasSubstr("no encryption"));
  }
}

TEST_F(GatewayServerTls, LargeResultsArriveWhole) {
  // Goal: 100 MB through records and back-pressure, each row what it is in clear; and as much the
  // other way.
  turn_tls_on();
  const RunningGateway gateway(server_, over_tcp(terms_of(ServerTls::Require)));
  Session session(gateway.conninfo());
  constexpr const char* kRow = "repeat(md5(g::text), 64)";  // 2048 bytes
  EXPECT_EQ(session("set bytea_output = hex; select count(*) from pg_stat_ssl where ssl"), "1");
  ASSERT_EQ(PQsendQuery(session.get(),
                        fmt::format("select {} from generate_series(1, 51200) g", kRow).c_str()),
            1);
  ASSERT_EQ(PQsetSingleRowMode(session.get()), 1);
  Session direct(server_.conninfo());
  std::string whole;
  while (auto* result = PQgetResult(session.get())) {
    if (PQntuples(result) == 1)
      whole.append(PQgetvalue(result, 0, 0), static_cast<std::size_t>(PQgetlength(result, 0, 0)));
    PQclear(result);
  }
  ASSERT_EQ(whole.size(), 51'200U * 2'048U);
  session("create temp table sent (whole text)");
  const char* values[] = {whole.c_str()};
  auto* stored = PQexecParams(session.get(), "insert into sent values ($1)", 1, nullptr, values,
                              nullptr, nullptr, 0);
  EXPECT_EQ(PQresultStatus(stored), PGRES_COMMAND_OK) << PQresultErrorMessage(stored);
  PQclear(stored);
  EXPECT_EQ(
      session("select md5(whole) from sent"),
      direct(fmt::format(
          "select md5(string_agg({}, '' order by g)) from generate_series(1, 51200) g", kRow)));
}

TEST_F(GatewayServerTls, CancelsThroughTls) {
  // Goal: hazard 28: a query is cancelled, the session goes on, and neither key nor query was ever
  // in clear: every connection asks for TLS first.
  turn_tls_on();
  const WireTap tap(server_.port());
  auto options = over_tcp(terms_of(ServerTls::Require));
  options.server_port = tap.port();
  cancel_a_query(options);
  const auto sessions = tap.sessions();
  EXPECT_EQ(sessions.size(), 2U);
  for (const auto& session : sessions) {
    EXPECT_EQ(session.frontend.substr(0, 8), std::string("\0\0\0\x08\x04\xd2\x16\x2f", 8));
    EXPECT_EQ(session.frontend.find("\x04\xd2\x16\x2e"), std::string::npos);
    EXPECT_EQ(session.frontend.find("pg_sleep"), std::string::npos);
  }
}

void GatewayServerTls::cancel_a_query(const GatewayOptions& options) const {
  const RunningGateway gateway(server_, options);
  Session session(gateway.conninfo());
  auto slept = std::async(std::launch::async,
                          [&] { return session.state_of("select pg_sleep(60) /* slow */"); });
  ASSERT_TRUE(wait_until([&] {
    return server_
               .rows(
                   "select count(*) from pg_stat_activity where state = 'active' and query "
                   "like '%/* slow */' and pid <> pg_backend_pid()")
               .at(0)
               .at(0) == "1";
  }));
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(session.get()),
                                                                  PQfreeCancel);
  char why[256];
  EXPECT_EQ(PQcancel(cancel.get(), why, sizeof why), 1) << why;
  EXPECT_EQ(slept.get(), "57014");
  EXPECT_EQ(session("select 1"), "1");
}

TEST_F(GatewayServerTls, ServersAreSharedAndShown) {
  // Goal: a pooled connection keeps its TLS from client to client, and the console shows it.
  turn_tls_on();
  const RunningGateway gateway(server_,
                               over_tcp(terms_of(ServerTls::Require), Sharing::Transaction));
  const auto first = Session(gateway.conninfo())("select pg_backend_pid()");
  Session second(gateway.conninfo());
  EXPECT_EQ(second("select pg_backend_pid()"), first);
  EXPECT_EQ(second(kUsesTls), "t");
  const Session console(gateway.conninfo("user=postgres dbname=pgkeel"));
  const std::unique_ptr<PGresult, decltype(&PQclear)> shown(PQexec(console.get(), "show servers"),
                                                            PQclear);
  EXPECT_THAT(PQgetvalue(shown.get(), 0, PQfnumber(shown.get(), "tls")), HasSubstr("TLSv1.3/"));
}

}  // namespace
}  // namespace pgkeel::test
