// The first bytes of a client at a gateway, as they come on the wire.
#include <gmock/gmock.h>

#include "integration/gateway/login_socket.hpp"
#include "integration/gateway/running_gateway.hpp"
#include "pg/wire/frontend_messages.hpp"
#include "pg/wire/login_messages.hpp"
#include "pg/wire/message_reader.hpp"
#include "pg/wire/startup.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

using gateway::ClientTls;
using gateway::Sharing;
using pg::wire::ByteBuffer;
namespace backend = pg::wire::backend;

template <class Packet>
ByteBuffer bytes_of_packet(const Packet& packet) {
  ByteBuffer out;
  append(out, packet);
  return out;
}

ByteBuffer startup(pg::wire::ProtocolVersion version = {},
                   std::vector<pg::wire::StartupParameter> more = {}) {
  ByteBuffer out;
  more.push_back({"user", "postgres"});
  pg::wire::append_startup(out, version, more);
  return out;
}

std::string one_byte(LoginSocket& socket) {
  const auto bytes = socket.receive();
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

struct Greeting {
  std::string types;  ///< of the messages, in order
  std::string sqlstate;
  std::uint32_t negotiated = 0;
  std::vector<std::string> unknown;
  std::uint32_t process_id = 0;
  std::string key;
};

// Until the session has begun, or the gateway has closed.
Greeting greeted(LoginSocket& socket) {
  pg::wire::MessageReader reader(pg::wire::Sender::Backend, 1U << 16U);
  Greeting greeting;
  for (;;) {
    const auto message = reader.next().value();
    if (!message) {
      try {
        reader.feed(socket.receive());
      } catch (const PeerGone&) {
        return greeting;
      }
      continue;
    }
    greeting.types += message->type;
    if (message->type == backend::kErrorResponse)
      greeting.sqlstate = pg::wire::ErrorFields::decode(message->body).value().sqlstate();
    if (message->type == backend::NegotiateProtocolVersion::kType) {
      const auto said = backend::NegotiateProtocolVersion::decode(message->body).value();
      greeting.negotiated = said.version;
      for (const auto name : said.unknown_options) greeting.unknown.emplace_back(name);
    }
    if (message->type == backend::BackendKeyData::kType) {
      const auto said = backend::BackendKeyData::decode(message->body).value();
      greeting.process_id = said.process_id;
      greeting.key = said.key;
    }
    if (message->type == backend::ReadyForQuery::kType) return greeting;
  }
}

class GatewayStartup : public testing::Test {
 protected:
  PostgresServer server_;
  RunningGateway clear_{server_, {.sharing = Sharing::Transaction, .tls = ClientTls::Off}};
  RunningGateway tls_{server_, {.sharing = Sharing::Transaction, .tls = ClientTls::Allow}};
};

TEST_F(GatewayStartup, Hazard01NothingInClearIsTakenForEncrypted) {
  // Goal: hazard 1: CVE-2021-23214: a start-up packet behind SSLRequest, in one segment.
  for (const auto* gateway : {&clear_, &tls_}) {
    auto socket = LoginSocket::connected(gateway->port());
    auto bytes = bytes_of_packet(pg::wire::TlsRequest{});
    pg::wire::put_bytes(bytes, startup());
    socket.send(bytes);
    const auto said = greeted(socket);
    EXPECT_EQ(said.types, "E");
    EXPECT_EQ(said.sqlstate, "08P01");
  }
}

TEST_F(GatewayStartup, Hazard01TlsAtOnce) {
  // Goal: hazard 1: a ClientHello is the first that comes; the session is inside of it.
  auto socket = LoginSocket::connected(tls_.port());
  const auto context = gateway::TlsContext::client(gateway::TlsVerify::None).value();
  socket.start_tls(
      gateway::TlsChannel::connect(context, "localhost", gateway::TlsOpening::Direct).value());
  auto bytes = startup();
  socket.send(bytes);
  const auto said = greeted(socket);
  EXPECT_THAT(said.types, testing::StartsWith("RS"));
  EXPECT_THAT(said.types, testing::EndsWith("KZ"));
}

TEST_F(GatewayStartup, Hazard02EncryptionIsAskedForOnceEach) {
  // Goal: hazard 2: either order, then the session; what is asked for twice is no protocol of ours.
  const auto tls = bytes_of_packet(pg::wire::TlsRequest{});
  const auto gss = bytes_of_packet(pg::wire::GssEncryptionRequest{});
  for (const auto& [first, second] : {std::pair(tls, gss), std::pair(gss, tls)}) {
    auto socket = LoginSocket::connected(clear_.port());
    for (auto request : {first, second}) {
      socket.send(request);
      EXPECT_EQ(one_byte(socket), "N");
    }
    auto bytes = startup();
    socket.send(bytes);
    EXPECT_THAT(greeted(socket).types, testing::EndsWith("KZ"));
  }
  for (const auto& twice : {tls, gss}) {
    auto socket = LoginSocket::connected(clear_.port());
    auto request = twice;
    socket.send(request);
    EXPECT_EQ(one_byte(socket), "N");
    request = twice;
    socket.send(request);
    EXPECT_EQ(greeted(socket).sqlstate, "0A000");
  }
  auto socket = LoginSocket::connected(tls_.port());
  auto request = gss;
  socket.send(request);
  EXPECT_EQ(one_byte(socket), "N");
  request = tls;
  socket.send(request);
  EXPECT_EQ(one_byte(socket), "S");
}

TEST_F(GatewayStartup, Hazard03LongKeysCancel) {
  // Goal: hazard 3: protocol 3.2 has longer keys than 3.0; the whole key cancels, a part of it or
  // another does not.
  auto old = LoginSocket::connected(clear_.port());
  auto bytes = startup({3, 0});
  old.send(bytes);
  EXPECT_EQ(greeted(old).key.size(), 4U);

  auto socket = LoginSocket::connected(clear_.port());
  bytes = startup({3, 2});
  socket.send(bytes);
  const auto said = greeted(socket);
  EXPECT_EQ(said.negotiated, 0U);
  EXPECT_EQ(said.key.size(), 32U);
  bytes = bytes_of_packet(pg::wire::frontend::Query{"select pg_sleep(600)"});
  socket.send(bytes);
  const auto running = [&] {
    return server_.query(
               "select count(*) from pg_stat_activity where state = 'active'"
               " and query = 'select pg_sleep(600)'") == "1";
  };
  ASSERT_TRUE(wait_until(running));
  const auto cancel = [&](const std::string& key) {
    auto other = LoginSocket::connected(clear_.port());
    auto request = bytes_of_packet(pg::wire::CancelRequest{said.process_id, key});
    other.send(request);
    other.drain();
  };
  cancel(said.key.substr(0, 4));
  cancel(std::string(32, 'x'));
  EXPECT_TRUE(running());
  cancel(said.key);
  EXPECT_EQ(greeted(socket).sqlstate, "57014");
}

TEST_F(GatewayStartup, Hazard04GreaseIsNegotiatedAway) {
  // Goal: hazard 4: libpq 19 asks for 3.9999 and an option nobody knows: answered once, before all
  // else, and the session begins.
  auto socket = LoginSocket::connected(clear_.port());
  auto bytes = startup({3, 9999}, {{"_pq_.test_protocol_negotiation", ""}});
  socket.send(bytes);
  const auto said = greeted(socket);
  EXPECT_THAT(said.types, testing::StartsWith("vRS"));
  EXPECT_THAT(said.types, testing::EndsWith("KZ"));
  EXPECT_EQ(said.types.find('v', 1), std::string::npos);
  EXPECT_EQ(said.negotiated, 0x30002U);
  EXPECT_THAT(said.unknown, testing::ElementsAre("_pq_.test_protocol_negotiation"));
  EXPECT_EQ(said.key.size(), 32U);
}

}  // namespace
}  // namespace pgkeel::test
