// ServerLogin against real servers of 13 to 18: every way they ask for a password, in clear and
// through TLS.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "integration/gateway/login_socket.hpp"
#include "integration/pg/majors.hpp"
#include "pg/scram/keys.hpp"
#include "support/tls_certificate.hpp"

namespace pgkeel::test {
namespace {

using namespace gateway;
using pg::wire::ProtocolVersion;
using pg::wire::Setting;

class ServerLoginLive : public EveryMajor {
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
  [[nodiscard]] std::string stored(const std::string& role) const {
    return server_->query("select rolpassword from pg_authid where rolname = '" + role + "'");
  }
  [[nodiscard]] static ServerTerms as(std::string user, ServerCredentials credentials) {
    return {.user = std::move(user),
            .database = "postgres",
            .credentials = std::move(credentials),
            .nonce = "fyko+d2lbbFgONRv9qkxdawL"};
  }
  [[nodiscard]] std::expected<ServerReady, ServerFailure> login(
      ServerTerms terms, const TlsContext* tls = nullptr) const {
    auto socket = LoginSocket::connected(server_->port());
    return log_in(socket, std::move(terms), tls);
  }
  /// Into the data directory, as the server takes a key: its owner's alone.
  void put_file(const std::string& name, const std::string& text) const {
    const auto path = server_->data_dir() / name;
    std::ofstream(path) << text;
    struct stat owner{};
    ASSERT_EQ(::stat(server_->data_dir().c_str(), &owner), 0);
    ASSERT_EQ(::chown(path.c_str(), owner.st_uid, owner.st_gid), 0);
    ASSERT_EQ(::chmod(path.c_str(), S_IRUSR), 0);
  }
  [[nodiscard]] ScramPass pass() const {
    const auto verifier = pg::parse_scram_verifier(stored("app")).value();
    return {pg::derive_scram_keys("secret", verifier.salt, verifier.iterations).value(),
            verifier.salt, verifier.iterations};
  }

  std::optional<PostgresServer> server_;
};
PGKEEL_FOR_EVERY_MAJOR(ServerLoginLive);

PlainPassword plain(std::string text) { return {SharedSecret(std::move(text))}; }

std::string value_of(const Parameters& parameters, std::string_view name) {
  const auto found = std::ranges::find(parameters, name, &Setting::name);
  return found == parameters.end() ? "" : found->value;
}

TEST_P(ServerLoginLive, IsLetIn) {
  // Goal: hazards 6, 8: trust, SCRAM by password and by keys, MD5 by password and by verifier; what
  // the server reports and its key are there.
  const std::pair<std::string, ServerCredentials> ways[] = {
      {"postgres", NoCredentials{}},
      {"app", plain("secret")},
      {"app", pass()},
      {"old", plain("secret")},
      {"old", Md5Verifier{SharedSecret(stored("old"))}}};
  for (const auto& [user, credentials] : ways) {
    auto terms = as(user, credentials);
    terms.settings = {{"application_name", "shop"}, {"DateStyle", "German"}};
    const auto ready = login(terms);
    ASSERT_TRUE(ready.has_value()) << user << ": " << ready.error().message;
    EXPECT_EQ(value_of(ready->parameters, "application_name"), "shop");
    EXPECT_EQ(value_of(ready->parameters, "DateStyle"), "German, DMY");
    EXPECT_EQ(value_of(ready->parameters, "server_version").substr(0, 2),
              std::to_string(GetParam()));
    EXPECT_EQ(ready->cancel_key->key.size(), 4U);
  }
}

TEST_P(ServerLoginLive, IsToldWhyNot) {
  // Goal: a changed password is a stale verifier, a wrong one 28P01, no database 3D000, no such
  // setting 42704, and the wrong kind of credentials are not sent.
  const auto old = pass();
  server_->query("alter role app password 'secret'");
  EXPECT_EQ(login(as("app", old)).error().trouble, ServerTrouble::StaleVerifier);
  EXPECT_EQ(login(as("app", plain("wrong"))).error().sqlstate, "28P01");
  EXPECT_EQ(login(as("old", plain("wrong"))).error().sqlstate, "28P01");
  EXPECT_EQ(login(as("old", pass())).error().trouble, ServerTrouble::NoCredentials);
  auto terms = as("postgres", NoCredentials{});
  terms.settings = {{"no_such_setting", "x"}};
  EXPECT_EQ(login(terms).error().sqlstate, "42704");
  terms = as("postgres", NoCredentials{});
  terms.database = "nowhere";
  const auto nowhere = login(terms).error();
  EXPECT_EQ(nowhere.trouble, ServerTrouble::Said);
  EXPECT_EQ(nowhere.sqlstate, "3D000");
  EXPECT_EQ(nowhere.severity, "FATAL");
}

TEST_P(ServerLoginLive, NegotiatesTheProtocol) {
  // Goal: hazard 3: 3.2 and its longer key where the server speaks it, else 3.0.
  auto terms = as("postgres", NoCredentials{});
  terms.newest_minor = 2;
  const auto ready = login(terms);
  ASSERT_TRUE(ready.has_value()) << ready.error().message;
  const auto speaks = GetParam() >= 18;
  EXPECT_EQ(ready->version, (ProtocolVersion{3, static_cast<std::uint16_t>(speaks ? 2 : 0)}));
  EXPECT_EQ(ready->cancel_key->key.size(), speaks ? 32U : 4U);
}

TEST_P(ServerLoginLive, RunsReplication) {
  // Goal: hazard 18: a walsender of a database takes the settings too.
  server_->set_hba("host all,replication postgres 127.0.0.1/32 trust\n");
  for (const auto kind : {Replication::Logical, Replication::Physical}) {
    auto terms = as("postgres", NoCredentials{});
    terms.replication = kind;
    terms.settings = {{"application_name", "shop"}};
    const auto ready = login(terms);
    ASSERT_TRUE(ready.has_value()) << ready.error().message;
    EXPECT_EQ(value_of(ready->parameters, "application_name"), "shop");
  }
}

TEST_P(ServerLoginLive, ComesThroughTls) {
  // Goal: hazard 6: verify-full and a bound channel; clear text only in TLS; required, but not
  // there.
  auto terms = as("app", plain("secret"));
  terms.tls = ServerTls::Require;
  EXPECT_EQ(login(terms).error().trouble, ServerTrouble::TlsNotOffered);
  terms.tls = ServerTls::Prefer;
  EXPECT_TRUE(login(terms).has_value());
  if (GetParam() != 15) GTEST_SKIP() << "a server without TLS";

  const TlsCertificate certificate("localhost", "DNS:localhost");
  put_file("server.key", certificate.key_pem());
  put_file("server.crt", certificate.pem());
  const auto trusting = TlsContext::client(TlsVerify::Full, certificate.pem()).value();
  const auto other = TlsContext::client(TlsVerify::Full, TlsCertificate("other").pem()).value();
  server_->append_config("ssl = on\n");
  server_->set_hba(
      "hostssl all app 127.0.0.1/32 scram-sha-256\nhostssl all old 127.0.0.1/32 password\n"
      "host all postgres 127.0.0.1/32 trust\n");
  server_->restart();
  terms.tls = ServerTls::Require;
  const auto ready = login(terms, &trusting);
  EXPECT_TRUE(ready.has_value()) << ready.error().message;
  EXPECT_THROW(static_cast<void>(login(terms, &other)), std::runtime_error);
  auto clear = as("old", plain("secret"));
  clear.tls = ServerTls::Require;
  EXPECT_TRUE(login(clear, &trusting).has_value());
  clear.clear = ClearPassword::Never;
  EXPECT_EQ(login(clear, &trusting).error().trouble, ServerTrouble::NoCredentials);
}

}  // namespace
}  // namespace pgkeel::test
