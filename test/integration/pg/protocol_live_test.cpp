// Protocol versions against real servers: what 13 to 18 answer to newer ones and to options nobody
// has is what we would answer, and 3.2's long keys cancel.
#include <gtest/gtest.h>

#include "integration/pg/majors.hpp"
#include "integration/pg/wire_peer.hpp"
#include "pg/wire/backend_messages.hpp"
#include "pg/wire/frontend_messages.hpp"
#include "pg/wire/negotiate.hpp"

namespace pgkeel::test {
namespace {

using namespace pg::wire;

/// 3.2 came with PostgreSQL 18.
std::uint16_t newest_minor_of(int major) { return major >= 18 ? 2 : 0; }

class ProtocolLive : public EveryMajor {
 protected:
  void SetUp() override {
    EveryMajor::SetUp();
    if (!IsSkipped()) server_.emplace(options());
  }
  std::optional<PostgresServer> server_;
};
PGKEEL_FOR_EVERY_MAJOR(ProtocolLive);

ByteBuffer startup_packet(std::uint16_t minor, std::span<const StartupParameter> more) {
  std::vector<StartupParameter> parameters = {{"user", "postgres"}, {"database", "postgres"}};
  parameters.insert(parameters.end(), more.begin(), more.end());
  ByteBuffer packet;
  append_startup(packet, {3, minor}, parameters);
  return packet;
}

TEST_P(ProtocolLive, negotiates_as_we_do) {
  // Goal: hazard 4: 3.0 to 3.2, libpq 19's grease and unknown options: byte for byte our answer,
  // and none where we would give none.
  const StartupParameter options[] = {{"_pq_.test_protocol_negotiation", ""}, {"_pq_.b", "c"}};
  for (const auto minor : std::to_array<std::uint16_t>({0, 1, 2, 3, 9999}))
    for (const std::size_t count : {0U, 1U, 2U}) {
      const auto packet = startup_packet(minor, std::span(options).first(count));
      WirePeer peer(server_->port());
      peer.send(packet);
      const auto answer = peer.receive();
      const auto decoded = decode_startup(packet).value();
      const auto& startup = std::get<StartupMessage>(decoded);
      const auto agreed = negotiate(startup, newest_minor_of(GetParam()));
      const auto told = answer.type == backend::NegotiateProtocolVersion::kType;
      ASSERT_EQ(told, agreed.must_be_told(startup)) << minor << " " << count;
      if (!told) continue;
      ByteBuffer ours;
      append_negotiation(ours, startup, agreed);
      EXPECT_EQ(text_of(ByteSpan(ours).subspan(kHeaderBytes)), text_of(answer.body));
    }
}

/// Logs in, and what is sent then until the server is ready.
std::pair<std::uint32_t, std::string> key_of(WirePeer& peer, const ByteBuffer& packet) {
  std::pair<std::uint32_t, std::string> found;
  peer.send(packet);
  while (true) {
    const auto message = peer.receive();
    if (message.type == backend::ReadyForQuery::kType) return found;
    if (message.type != backend::BackendKeyData::kType) continue;
    const auto key = backend::BackendKeyData::decode(message.body).value();
    found = {key.process_id, std::string(key.key)};
  }
}

TEST_P(ProtocolLive, cancels_by_keys_of_either_length) {
  // Goal: hazard 3: 4 bytes in 3.0, 32 in 3.2 where the server speaks it; each cancels.
  for (const auto minor : std::to_array<std::uint16_t>({0, 2})) {
    WirePeer peer(server_->port());
    const auto [process_id, key] = key_of(peer, startup_packet(minor, {}));
    EXPECT_EQ(key.size(), std::min(minor, newest_minor_of(GetParam())) == 2 ? 32U : 4U);
    ByteBuffer out;
    append(out, frontend::Query{"select pg_sleep(600)"});
    peer.send(out);
    ASSERT_TRUE(wait_until([&] {
      return server_->query(
                 "select count(*) from pg_stat_activity where query like '%sleep(6%' and "
                 "pid = " +
                 std::to_string(process_id) + " and state = 'active'") == "1";
    }));
    out.clear();
    append(out, CancelRequest{process_id, key});
    WirePeer(server_->port()).send(out);
    auto message = peer.receive();
    while (message.type != backend::kErrorResponse) message = peer.receive();
    EXPECT_EQ(ErrorFields::decode(message.body)->sqlstate(), "57014");
  }
}

/// The type of the next message; 0 when the server ends the session instead.
char answer_of(WirePeer& peer) {
  try {
    return peer.receive().type;
  } catch (const std::runtime_error&) {
    return '\0';
  }
}

TEST_P(ProtocolLive, the_server_takes_the_lengths_we_take) {
  // Goal: hazard 15: at the bound of a message the server reads it, one above it ends the session.
  if (GetParam() == 13) GTEST_SKIP() << "bounds came with 14";
  for (const std::uint32_t length : {10'000U, 10'001U}) {
    WirePeer peer(server_->port());
    static_cast<void>(key_of(peer, startup_packet(0, {})));
    ByteBuffer out;
    const std::string name(length - kLengthBytes - 2, 'n');
    append(out, frontend::Close{frontend::Target::Statement, name});
    append_bare<frontend::Sync>(out);
    peer.send(out);
    EXPECT_EQ(answer_of(peer) == backend::CloseComplete::kType,
              read_header(Sender::Frontend, out).has_value());
  }
}

}  // namespace
}  // namespace pgkeel::test
