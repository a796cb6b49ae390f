// ClientLogin with real libpq in front and, behind it, ServerLogin with a real server of 13 to 18:
// the way of a client through the gateway, with nothing but a test's loop between.
#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>

#include <future>

#include "gateway/session/greeting.hpp"
#include "integration/gateway/login_socket.hpp"
#include "integration/pg/majors.hpp"
#include "support/tls_certificate.hpp"

namespace pgkeel::test {
namespace {

using namespace gateway;
using testing::HasSubstr;

struct Connection {
  ConnStatusType status = CONNECTION_BAD;
  std::string error = {};
  std::string application_name = {};
  std::string cancelled = {};  ///< what PQcancel() said; empty: it went well
  int version = 0;             ///< of the server; by libpq 18: of the protocol
};
Connection connect_libpq(const std::string& conninfo, bool cancels);

class ClientLoginLive : public EveryMajor {
 protected:
  void SetUp() override {
    EveryMajor::SetUp();
    if (IsSkipped()) return;
    auto with = options();
    with.settings = {{"password_encryption", "scram-sha-256"}};
    server_.emplace(with);
    server_->query("create role app login password 'secret'");
    server_->query("set password_encryption = 'md5'; create role old login password 'secret'");
    server_->set_hba(
        "host all app 127.0.0.1/32 scram-sha-256\nhost all old 127.0.0.1/32 md5\n"
        "host all postgres 127.0.0.1/32 trust\n");
  }
  [[nodiscard]] std::optional<ClientVerifier> find(const FindVerifier& asked) const {
    const auto stored = server_->query("select rolpassword from pg_authid where rolname = '" +
                                       std::string(asked.user) + "'");
    if (stored.empty()) return std::nullopt;
    auto password = parse_stored_password(stored).value();
    if (auto* scram = std::get_if<pg::ScramVerifier>(&password)) return std::move(*scram);
    return std::get<Md5Verifier>(password);
  }
  /// Connects libpq to a listener of ours, which runs a login; the ends of both.
  std::pair<Connection, ClientStep> connect(const std::string& conninfo,
                                            const ClientTerms& terms = {});
  void serve(LoginSocket& client, const ClientProven& proven);

  std::optional<PostgresServer> server_;
  TlsCertificate certificate_{"localhost", "IP:127.0.0.1"};
  std::string pem_ = certificate_.pem();
  std::string key_ = certificate_.key_pem();
  TlsContext tls_ = TlsContext::server({pem_, key_}).value();
  bool cancels_ = false;
  Connection (*libpq_)(const std::string&, bool) = connect_libpq;
};
PGKEEL_FOR_EVERY_MAJOR(ClientLoginLive);

Connection connect_libpq(const std::string& conninfo, bool cancels) {
  auto* connection = PQconnectdb(conninfo.c_str());
  Connection found{PQstatus(connection), PQerrorMessage(connection), "", "",
                   PQserverVersion(connection)};
  if (const auto* name = PQparameterStatus(connection, "application_name"))
    found.application_name = name;
  if (cancels) {
    auto* cancel = PQgetCancel(connection);
    std::array<char, 256> error{};
    if (PQcancel(cancel, error.data(), error.size()) != 1) found.cancelled = error.data();
    PQfreeCancel(cancel);
  }
  PQfinish(connection);
  return found;
}

/// The libpq of PostgreSQL 18, beside the one this test is linked with.
Connection connect_libpq_18(const std::string& conninfo, bool) {
  const auto path = bin_dir_of(18)->parent_path() / "lib" / "libpq.so.5";
  auto* library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  if (library == nullptr) return {.error = ::dlerror()};
  const auto function = [&]<class Function>(Function*, const char* name) {
    return reinterpret_cast<Function*>(::dlsym(library, name));
  };
  auto* connection = function(&PQconnectdb, "PQconnectdb")(conninfo.c_str());
  Connection found{.status = function(&PQstatus, "PQstatus")(connection),
                   .error = function(&PQerrorMessage, "PQerrorMessage")(connection),
                   .version = function(&PQserverVersion, "PQfullProtocolVersion")(connection)};
  function(&PQfinish, "PQfinish")(connection);
  return found;
}

/// With the keys out of the proof, or the MD5 verifier that it was against.
void ClientLoginLive::serve(LoginSocket& client, const ClientProven& proven) {
  ServerTerms terms{.user = proven.request.user,
                    .database = proven.request.database,
                    .settings = proven.request.settings,
                    .nonce = "fyko+d2lbbFgONRv9qkxdawL"};
  if (proven.keys) {
    const auto verifier = std::get<pg::ScramVerifier>(*find({terms.user, terms.database}));
    terms.credentials = ScramPass{*proven.keys, verifier.salt, verifier.iterations};
  } else {
    terms.credentials = std::get<Md5Verifier>(*find({terms.user, terms.database}));
  }
  terms.newest_minor = proven.version.minor;
  auto socket = LoginSocket::connected(server_->port());
  const auto ready = log_in(socket, std::move(terms));
  ASSERT_TRUE(ready.has_value()) << ready.error().message;
  pg::wire::ByteBuffer out;
  append_greeting(out, ready->parameters, {7, "ours"});
  client.send(out);
}

std::pair<Connection, ClientStep> ClientLoginLive::connect(const std::string& conninfo,
                                                           const ClientTerms& terms) {
  LoginListener listener;
  auto connecting =
      std::async(std::launch::async, libpq_,
                 conninfo + " host=127.0.0.1 gssencmode=disable connect_timeout=20 port=" +
                     std::to_string(listener.port()),
                 cancels_);
  const auto finder = [this](const FindVerifier& asked) { return find(asked); };
  auto client = listener.accepted();
  auto step = prove_client(client, terms, finder, &tls_);
  if (const auto* proven = std::get_if<ClientProven>(&step)) {
    serve(client, *proven);
    if (cancels_) {
      auto canceller = listener.accepted();
      step = prove_client(canceller, terms, finder, &tls_);
    }
    client.drain();
  } else {
    const auto closed = std::move(client);
  }
  return {connecting.get(), std::move(step)};
}

TEST_P(ClientLoginLive, PassesAClientThrough) {
  // Goal: hazards 1, 6, 8: SCRAM in clear, in TLS, with the channel bound by all means; the keys of
  // the proof open the server, and its parameters are the client's.
  for (const auto* how :
       {"user=app sslmode=disable", "user=app sslmode=prefer", "user=old sslmode=require",
        "user=app sslmode=require channel_binding=require"}) {
    const auto [connection, step] =
        connect(std::string(how) +
                " password=secret dbname=postgres application_name=shop "
                "options='-c work_mem=1MB'");
    EXPECT_EQ(connection.status, CONNECTION_OK) << how << ": " << connection.error;
    EXPECT_EQ(connection.application_name, "shop");
    EXPECT_EQ(connection.version / 10'000, GetParam());
    ASSERT_TRUE(std::holds_alternative<ClientProven>(step));
    EXPECT_EQ(std::get<ClientProven>(step).request.settings.front().name, "work_mem");
  }
}

TEST_P(ClientLoginLive, SaysWhatTheServerSays) {
  // Goal: a wrong password and a nobody read the same to a person, and like PostgreSQL's own words.
  for (const auto* who :
       {"user=app password=wrong", "user=nobody password=x", "user=old password=x"}) {
    const auto [connection, step] = connect(std::string(who) + " dbname=postgres sslmode=require");
    EXPECT_EQ(connection.status, CONNECTION_BAD);
    EXPECT_THAT(connection.error, HasSubstr("FATAL:  password authentication failed for user"));
    EXPECT_TRUE(std::holds_alternative<ClientRefused>(step));
  }
}

TEST_P(ClientLoginLive, AsksForTls) {
  // Goal: required by us and not come with; required by the client, which leaves where we have
  // none.
  const auto [in_clear, refused] =
      connect("user=app password=secret sslmode=disable", {.tls = ClientTls::Require});
  EXPECT_THAT(in_clear.error, HasSubstr("connections without SSL are not allowed here"));
  EXPECT_TRUE(std::holds_alternative<ClientRefused>(refused));
  const ClientTerms off{.tls = ClientTls::Off};
  for (const auto& [how, reason] : {std::pair("sslmode=require", "server does not support SSL"),
                                    std::pair("channel_binding=require", "channel binding")}) {
    const auto [connection, step] = connect(std::string("user=app password=secret ") + how, off);
    EXPECT_THAT(connection.error, HasSubstr(reason));
    EXPECT_TRUE(std::holds_alternative<NeedBytes>(step)) << "the client did not leave";
  }
}

TEST_P(ClientLoginLive, PassesACancelOn) {
  // Goal: libpq cancels by the key that we gave.
  cancels_ = true;
  const auto [connection, step] = connect("user=app password=secret dbname=postgres");
  EXPECT_EQ(connection.cancelled, "");
  ASSERT_TRUE(std::holds_alternative<CancelAsked>(step));
  EXPECT_EQ(std::get<CancelAsked>(step).process_id, 7U);
  EXPECT_EQ(std::get<CancelAsked>(step).key, "ours");
}

TEST_P(ClientLoginLive, SpeaksWhatTheNewestClientSpeaks) {
  // Goal: hazards 1, 3: libpq 18 begins with TLS at once, and insists on protocol 3.2.
  if (GetParam() != 18) GTEST_SKIP() << "one server is enough";
  libpq_ = connect_libpq_18;
  const auto [connection, step] = connect(
      "user=app password=secret dbname=postgres sslmode=require sslnegotiation=direct "
      "channel_binding=require min_protocol_version=3.2");
  EXPECT_EQ(connection.status, CONNECTION_OK) << connection.error;
  EXPECT_EQ(connection.version, 30002);
  EXPECT_TRUE(std::holds_alternative<ClientProven>(step));
}

}  // namespace
}  // namespace pgkeel::test
