// What may open a connection, and which protocol is agreed on.
#include "pg/wire/startup.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pg/wire/negotiate.hpp"

namespace pgkeel::pg::wire {
namespace {

using namespace std::literals;
using testing::ElementsAre;

/// With its length before it.
std::string packet_of(const std::string& contents) {
  const auto length = contents.size() + kLengthBytes;
  return "\0\0"s + static_cast<char>(length >> 8U) + static_cast<char>(length) + contents;
}

Result<StartupPacket> decoded(const std::string& contents) {
  static std::string packet;
  packet = packet_of(contents);
  return decode_startup(bytes_of(packet));
}

StartupMessage session(const std::string& contents) {
  return std::get<StartupMessage>(decoded(contents).value());
}

TEST(Startup, TellsWhatIsAskedFor) {
  // Goal: hazard 1: the four things a packet may be, and TLS that was not asked for.
  EXPECT_TRUE(std::holds_alternative<TlsRequest>(*decoded("\x04\xd2\x16\x2f"s)));
  EXPECT_TRUE(std::holds_alternative<GssEncryptionRequest>(*decoded("\x04\xd2\x16\x30"s)));
  const auto cancel = std::get<CancelRequest>(*decoded("\x04\xd2\x16\x2e\0\0\0\7keys"s));
  EXPECT_EQ(cancel.process_id, 7U);
  EXPECT_EQ(cancel.key, "keys");
  EXPECT_EQ(session("\0\3\0\0user\0a\0\0"s).find("user"), "a");
  EXPECT_TRUE(begins_tls(bytes_of("\x16\x03\x01")));
  EXPECT_FALSE(begins_tls(bytes_of("\0\0\0\x08"sv)));
  EXPECT_FALSE(begins_tls({}));
}

TEST(Startup, KeepsOrderAndDuplicates) {
  // Goal: the last of a name counts, as for the server; empty values are values.
  const auto startup = session("\0\3\0\2user\0a\0x\0\0user\0b\0\0"s);
  EXPECT_EQ(startup.version, (ProtocolVersion{3, 2}));
  EXPECT_EQ(startup.parameters.size(), 3U);
  EXPECT_EQ(startup.find("user"), "b");
  EXPECT_EQ(startup.find("x"), "");
  EXPECT_EQ(startup.find("database"), std::nullopt);
  ByteBuffer out;
  append_startup(out, startup.version, startup.parameters);
  EXPECT_EQ(text_of(out), packet_of("\0\3\0\2user\0a\0x\0\0user\0b\0\0"s));
}

TEST(Startup, RefusesWhatTheServerRefuses) {
  // Goal: hazard 7: no end, bytes behind the end, half a parameter, a key too short or too long.
  for (const auto& contents :
       {"\0\3\0\0"s, "\0\3\0\0user"s, "\0\3\0\0user\0"s, "\0\3\0\0user\0a\0"s,
        "\0\3\0\0user\0a\0\0x"s, "\0\3\0\0\0\0"s, "\x04\xd2\x16\x2f\0"s,
        "\x04\xd2\x16\x2e\0\0\0\7key"s, "\x04\xd2\x16\x2e\0\0\0\7"s + std::string(257, 'k')})
    EXPECT_EQ(decoded(contents).error().code, ErrorCode::Malformed);
  for (const auto& version : {"\0\2\0\0"s, "\0\4\0\0"s, "\x04\xd2\x16\x31"s})
    EXPECT_EQ(decoded(version + "\0"s).error().code, ErrorCode::Refused);
}

TEST(Startup, LengthIsJudgedBeforeAnythingComes) {
  // Goal: hazard 7: four bytes suffice to refuse; the server's own limit is the limit.
  EXPECT_EQ(*startup_bytes(bytes_of("\0\0\0"sv)), std::nullopt);
  EXPECT_EQ(*startup_bytes(bytes_of("\0\0\x27\x14"sv)), kStartupBytesMax);
  for (const auto& length : {"\0\0\x27\x15"s, "\0\0\0\7"s, "\xff\xff\xff\xff"s, "GET "s})
    EXPECT_FALSE(startup_bytes(bytes_of(length)).has_value());
}

TEST(Startup, IsWrittenAsItIsRead) {
  // Goal: requests come back as they were.
  ByteBuffer out;
  append(out, TlsRequest());
  append(out, GssEncryptionRequest());
  append(out, CancelRequest{7, "keys"});
  EXPECT_EQ(text_of(out), packet_of("\x04\xd2\x16\x2f"s) + packet_of("\x04\xd2\x16\x30"s) +
                              packet_of("\x04\xd2\x16\x2e\0\0\0\7keys"s));
}

TEST(Negotiate, AgreesOnTheOlder) {
  // Goal: hazard 4: what is known is agreed to in silence, also when it is older.
  for (const auto& version : {"\0\3\0\0"s, "\0\3\0\1"s, "\0\3\0\2"s}) {
    const auto startup = session(version + "\0"s);
    const auto agreed = negotiate(startup);
    EXPECT_EQ(agreed.version, startup.version);
    EXPECT_FALSE(agreed.must_be_told(startup));
  }
}

TEST(Negotiate, TellsWhatItDoesNotKnow) {
  // Goal: hazard 4: libpq 19's grease, 3.9999 and an option nobody has; each option is named.
  const auto startup =
      session("\0\3\x27\x0f_pq_.test_protocol_negotiation\0\0user\0a\0_pq_.b\0c\0\0"s);
  const auto agreed = negotiate(startup);
  EXPECT_EQ(agreed.version, (ProtocolVersion{3, 2}));
  EXPECT_TRUE(agreed.must_be_told(startup));
  ByteBuffer out;
  append_negotiation(out, startup, agreed);
  const auto told = backend::NegotiateProtocolVersion::decode(ByteSpan(out).subspan(5)).value();
  EXPECT_EQ(told.version, 0x30002U);
  EXPECT_THAT(std::vector(told.unknown_options.begin(), told.unknown_options.end()),
              ElementsAre("_pq_.test_protocol_negotiation", "_pq_.b"));
}

TEST(Negotiate, TellsOfAnOptionAloneAndOfAVersionAlone) {
  // Goal: hazard 4: either is reason enough, and a proxy that speaks 3.0 only says so.
  const auto option = session("\0\3\0\0_pq_.x\0y\0\0"s);
  EXPECT_TRUE(negotiate(option).must_be_told(option));
  ByteBuffer out;
  append_negotiation(out, option, negotiate(option));
  EXPECT_EQ(backend::NegotiateProtocolVersion::decode(ByteSpan(out).subspan(5))->version, 0x30000U);
  const auto newer = session("\0\3\0\2\0"s);
  EXPECT_TRUE(negotiate(newer, 0).must_be_told(newer));
  EXPECT_EQ(negotiate(newer, 0).version, (ProtocolVersion{3, 0}));
}

}  // namespace
}  // namespace pgkeel::pg::wire
