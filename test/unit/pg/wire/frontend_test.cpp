// Messages of a client, in any pieces.
#include "pg/wire/frontend.hpp"

#include <gtest/gtest.h>

#include "pg/wire/backend.hpp"

namespace pgkeel::pg {
namespace {

using namespace std::string_literals;

ByteSpan bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

constexpr std::size_t kMost = 64;

TEST(StartupPacket, HasItsParametersHoweverItComes) {
  // Goal: byte by byte it is the same; nothing before its end.
  const auto packet = "\0\0\0\x2d\0\3\0\0user\0pgkeel_shadow\0replication\0true\0\0"s;
  FrontendReader reader(kMost);
  for (std::size_t i = 0; i + 1 < packet.size(); ++i) {
    reader.feed(bytes_of(packet).subspan(i, 1));
    const auto none = reader.next_startup();
    ASSERT_TRUE(none.has_value());
    ASSERT_FALSE(none->has_value()) << i;
  }
  reader.feed(bytes_of(packet).last(1));
  const auto found = reader.next_startup();
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->kind, StartupPacket::Kind::Session);
  EXPECT_EQ((*found)->parameters.at("user"), "pgkeel_shadow");
  EXPECT_EQ((*found)->parameters.at("replication"), "true");
}

TEST(StartupPacket, IsRefusedWhenItCannotBe) {
  // Goal: lengths that cannot be, another protocol, no end.
  for (const auto& packet : {"\0\0\0\7\0\3\0"s, "\x7f\xff\xff\xff\0\3\0\0"s, "\0\0\0\x08\0\2\0\0"s,
                             "\0\0\0\x0c\0\3\0\0user"s, "\0\0\0\x0d\0\3\0\0user\0"s}) {
    FrontendReader reader(kMost);
    reader.feed(bytes_of(packet));
    EXPECT_FALSE(reader.next_startup().has_value());
  }
}

TEST(StartupPacket, MayAskForEncryptionOrACancelFirst) {
  // Goal: each of the codes that are no version.
  using Kind = StartupPacket::Kind;
  FrontendReader reader(kMost);
  reader.feed(bytes_of("\0\0\0\x08\x04\xd2\x16\x2f\0\0\0\x08\x04\xd2\x16\x30"s));
  EXPECT_EQ((*reader.next_startup())->kind, Kind::Tls);
  EXPECT_EQ((*reader.next_startup())->kind, Kind::GssEncryption);
  reader.feed(bytes_of("\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\1\0\0\0\2"s));
  EXPECT_EQ((*reader.next_startup())->kind, Kind::Cancel);
}

TEST(FrontendMessage, ComesWholeAndInOrder) {
  // Goal: two in one piece, a third cut in two; a body longer than allowed is an error.
  FrontendReader reader(kMost);
  reader.feed(
      bytes_of("Q\0\0\0\x09"
               "SHOW\0c\0\0\0\4d\0\0\0"s));
  const auto query = reader.next();
  ASSERT_TRUE(query && *query);
  EXPECT_EQ((*query)->type, 'Q');
  EXPECT_EQ(string_body((*query)->body).value_or(""), "SHOW");
  EXPECT_EQ((*reader.next())->type, 'c');
  EXPECT_FALSE(reader.next()->has_value());
  reader.feed(bytes_of("\5xX\0\0\0\x45"s));
  EXPECT_EQ((*reader.next())->body.size(), 1U);
  EXPECT_FALSE(reader.next().has_value());
}

TEST(FrontendMessage, WithTextEndsWhereItsTextEnds) {
  // Goal: no NUL, or bytes behind it, are no text.
  EXPECT_FALSE(string_body(bytes_of("SHOW")).has_value());
  EXPECT_FALSE(string_body(bytes_of("SHOW\0x"s)).has_value());
  EXPECT_EQ(string_body(bytes_of("\0"s)).value_or("-"), "");
}

TEST(BackendWriter, WritesWhatTheProtocolSays) {
  // Goal: type, length and body of each; what was sent is forgotten, what was not stays.
  BackendWriter writer;
  writer.authentication_ok();
  writer.ready_for_query();
  const std::optional<std::string_view> row[] = {"1", std::nullopt};
  writer.row(row);
  const auto expected =
      "R\0\0\0\x08\0\0\0\0Z\0\0\0\5ID\0\0\0\x0f\0\2\0\0\0\1"
      "1\xff\xff\xff\xff"s;
  ASSERT_EQ(writer.pending().size(), expected.size());
  EXPECT_EQ(std::memcmp(writer.pending().data(), expected.data(), expected.size()), 0);
  writer.sent(9);
  EXPECT_EQ(writer.pending().front(), std::byte{'Z'});
  writer.sent(writer.pending().size());
  EXPECT_TRUE(writer.pending().empty());
}

}  // namespace
}  // namespace pgkeel::pg
