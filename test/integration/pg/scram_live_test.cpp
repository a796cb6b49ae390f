// SCRAM, both sides, against real servers and libpq: verifiers they make, logins they take.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>

#include "integration/pg/majors.hpp"
#include "integration/pg/wire_peer.hpp"
#include "pg/password_answer.hpp"
#include "pg/scram/client.hpp"
#include "pg/scram/server.hpp"
#include "pg/sql_text.hpp"
#include "pg/wire/backend_messages.hpp"
#include "pg/wire/frontend_messages.hpp"
#include "support/child.hpp"

namespace pgkeel::test {
namespace {

using namespace pg::wire;
using backend::Authentication;

class ScramLive : public EveryMajor {
 protected:
  void SetUp() override {
    EveryMajor::SetUp();
    if (IsSkipped()) return;
    auto with = options();
    with.start = FirstStart::No;
    with.settings = {{"password_encryption", "scram-sha-256"}};
    server_.emplace(with);
    if (GetParam() == 15) use_tls();  // the programs of the others are built without
    server_->start();
    server_->query("create role app login password 'secret'");
    verifier_ = pg::parse_scram_verifier(stored("app")).value();
    server_->set_hba(
        "host all app 127.0.0.1/32 scram-sha-256\nhost all old 127.0.0.1/32 md5\n"
        "host all postgres 127.0.0.1/32 trust\n");
  }
  void use_tls() {
    const std::string key = (server_->data_dir() / "server.key").string();
    const std::string certificate = (server_->data_dir() / "server.crt").string();
    run_child({"/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048", "-sha384", "-nodes",
               "-days", "1", "-subj", "/CN=localhost", "-keyout", key, "-out", certificate},
              server_->temp_dir() / "openssl.log");
    server_->append_config("ssl = on\n");
  }
  [[nodiscard]] std::string stored(const std::string& role) const {
    return server_->query("select rolpassword from pg_authid where rolname = '" + role + "'");
  }
  [[nodiscard]] pg::ScramKeys keys_of(std::string_view password) const {
    return pg::derive_scram_keys(password, verifier_.salt, verifier_.iterations).value();
  }

  std::optional<PostgresServer> server_;
  pg::ScramVerifier verifier_;
};
PGKEEL_FOR_EVERY_MAJOR(ScramLive);

void start_session(WirePeer& peer, std::string_view user) {
  ByteBuffer out;
  append_startup(out, {},
                 std::to_array<StartupParameter>({{"user", user}, {"database", "postgres"}}));
  peer.send(out);
}

Authentication asked(WirePeer& peer) {
  const auto message = peer.receive();
  if (message.type == Authentication::kType) return Authentication::decode(message.body).value();
  throw std::runtime_error(std::string(ErrorFields::decode(message.body).value().sqlstate()));
}

/// Logs in with keys alone; throws the SQLSTATE of a refusal.
pg::ScramBinding log_in(WirePeer& peer, std::string_view user, const pg::ScramKeys& keys,
                        const std::string& end_point = {}) {
  start_session(peer, user);
  const auto choice = pg::choose_scram(asked(peer).mechanisms, end_point).value();
  pg::ScramClient client(choice.binding, "fyko+d2lbbFgONRv9qkxdawL", end_point);
  ByteBuffer out;
  append(out, frontend::SaslInitialResponse{choice.mechanism, client.first()});
  peer.send(out);
  EXPECT_TRUE(client.challenge(asked(peer).bytes).has_value());
  out.clear();
  append(out, frontend::SaslResponse{client.final(keys)});
  peer.send(out);
  EXPECT_TRUE(client.check(asked(peer).bytes).has_value());
  EXPECT_EQ(asked(peer).kind, Authentication::Kind::Ok);
  return choice.binding;
}

TEST_P(ScramLive, our_keys_are_the_servers) {
  // Goal: E1: passwords of every kind of SASLprep: what the server stores is what we derive.
  for (const std::string password :
       {"secret",       "ä€𝄞",           "a\u0301\u00A0b", "\u2168\u00AA", "\u00ADx",
        "\u0627\u0031", "\u0221",        "\u00AD",         "\u0085",       "😀",
        "\u0627\u0628", "\uFDFA",        "ﬁ\u3000",        "\U0002F868",   "\u1E9B\u0323",
        "\u03D3",       "\uAC00\u11A8",  "Å\u212B",        "\u06DD",       "tab\there",
        "\u200Bx",      "x\u200B\u2003", "a\u00AD\u0301",  "\U0001F130",   "\u1680y",
        "\uFEFFz",      "\u200E",        "\uE000",         "\uFFFD",       "a\u0340\u00A0",
        "\U00030000",   "\u0627 \u0628"}) {
    server_->query("alter role app password" + pg::quote_literal(password).value());
    const auto theirs = pg::parse_scram_verifier(stored("app")).value();
    const auto ours = pg::derive_scram_keys(password, theirs.salt, theirs.iterations).value();
    EXPECT_TRUE(pg::scram_hash(ours.client_key) == theirs.stored_key) << password;
    EXPECT_TRUE(ours.server_key == theirs.server_key) << password;
    EXPECT_EQ(pg::format_scram_verifier(theirs), stored("app"));
  }
}

TEST_P(ScramLive, logs_in_and_is_refused) {
  // Goal: hazard 6: the right keys are let in, the wrong ones refused with 28P01.
  WirePeer peer(server_->port());
  EXPECT_EQ(log_in(peer, "app", keys_of("secret")), pg::ScramBinding::None);
  WirePeer wrong(server_->port());
  EXPECT_THROW(
      {
        try {
          log_in(wrong, "app", keys_of("wrong"));
        } catch (const std::runtime_error& refused) {
          EXPECT_STREQ(refused.what(), "28P01");
          throw;
        }
      },
      std::runtime_error);
}

TEST_P(ScramLive, binds_the_channel_of_tls) {
  // Goal: hazard 6: over TLS the server takes our end point, of a certificate hashed by SHA-384.
  if (GetParam() != 15) GTEST_SKIP() << "a server without TLS";
  WirePeer peer(server_->port());
  const auto end_point = peer.start_tls();
  EXPECT_EQ(end_point.size(), 48U);
  EXPECT_EQ(log_in(peer, "app", keys_of("secret"), end_point), pg::ScramBinding::EndPoint);
}

TEST_P(ScramLive, answers_md5) {
  // Goal: a server that asks for MD5 takes our answer.
  server_->query("set password_encryption = 'md5'; create role old login password 'secret'");
  EXPECT_EQ(pg::md5_verifier("old", "secret").value(), stored("old"));
  WirePeer peer(server_->port());
  start_session(peer, "old");
  const auto request = asked(peer);
  ASSERT_EQ(request.kind, Authentication::Kind::Md5Password);
  ByteBuffer out;
  append(out, frontend::Password{pg::md5_answer(stored("old"), request.bytes).value()});
  peer.send(out);
  EXPECT_EQ(asked(peer).kind, Authentication::Kind::Ok);
}

int listening(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(fd, 1) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("cannot listen");
  port = ntohs(address.sin_port);
  return fd;
}

/// Proves a client that asked for encryption in vain, as a gateway would.
pg::ScramServer::Proven prove(WirePeer& client, const pg::ScramVerifier& verifier) {
  while (!std::holds_alternative<StartupMessage>(client.receive_startup()))
    client.send(ByteBuffer{std::byte{'N'}});
  ByteBuffer out;
  backend::append_sasl(out, pg::scram_mechanisms(""));
  client.send(out);
  pg::ScramServer server(verifier, "3rfcNHYJY1ZVvWVs7j3rfcNH");
  const auto opening = frontend::SaslInitialResponse::decode(client.receive().body).value();
  out.clear();
  backend::append_authentication(out, Authentication::Kind::SaslContinue,
                                 server.first(opening.mechanism, opening.response.value()).value());
  client.send(out);
  return server.final(frontend::SaslResponse::decode(client.receive().body)->response).value();
}

TEST_P(ScramLive, a_proof_of_libpq_opens_the_server) {
  // Goal: hazard 6: libpq proves itself to us; the keys out of its proof log in at the server.
  std::uint16_t port = 0;
  const int listener = listening(port);
  auto connecting = std::async(std::launch::async, [port] {
    const auto conninfo = "host=127.0.0.1 user=app password=secret port=" + std::to_string(port);
    auto* connection = PQconnectdb(conninfo.c_str());
    const auto status = PQstatus(connection);
    PQfinish(connection);
    return status;
  });
  auto client = WirePeer::accepted(::accept(listener, nullptr, nullptr));
  ::close(listener);
  const auto proven = prove(client, verifier_);
  WirePeer onward(server_->port());
  log_in(onward, "app", proven.keys);
  ByteBuffer out;
  backend::append_authentication(out, Authentication::Kind::SaslFinal, proven.server_final);
  backend::append_authentication(out, Authentication::Kind::Ok);
  append(out, backend::ReadyForQuery());
  client.send(out);
  EXPECT_EQ(connecting.get(), CONNECTION_OK);
}

}  // namespace
}  // namespace pgkeel::test
