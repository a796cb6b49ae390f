// Names replaced at the front of a message whose rest stays.
#include "pg/wire/names.hpp"

#include <gtest/gtest.h>

#include "pg/wire/frontend_messages.hpp"

namespace pgkeel::pg::wire {
namespace {

using namespace std::literals;

TEST(Names, OfABindAreReplacedBeforeTheRestHasCome) {
  // Goal: hazard 22: shorter, longer and empty names; header and names, then the old rest, are a
  // Bind.
  const auto body = "p1\0statement\0\0\0\0\1\0\0\0\3abc\0\0"sv;
  const FrameHeader header{'B', static_cast<std::uint32_t>(body.size() + 4)};
  EXPECT_FALSE(peek_bind_names(bytes_of(body).first(12)).has_value());
  const auto names = peek_bind_names(bytes_of(body).first(13));
  ASSERT_TRUE(names.has_value());
  EXPECT_EQ(names->statement, "statement");
  for (const auto& name : {"s"s, ""s, std::string(200, 'n')}) {
    ByteBuffer out;
    ASSERT_TRUE(append_renamed_bind(out, header, *names, {names->portal, name}).has_value());
    put_bytes(out, bytes_of(body).subspan(names->bytes()));
    EXPECT_EQ(read_header(Sender::Frontend, out)->message_bytes(), out.size());
    const auto bind = frontend::Bind::decode(ByteSpan(out).subspan(kHeaderBytes)).value();
    EXPECT_EQ(bind.portal, "p1");
    EXPECT_EQ(bind.statement, name);
    EXPECT_EQ(*bind.parameters.begin(), "abc");
  }
}

TEST(Names, OfAParseAreReplaced) {
  // Goal: hazard 22: the SQL behind it is not needed and not touched.
  const auto body = "a\0select 1\0\0\0"sv;
  const FrameHeader header{'P', static_cast<std::uint32_t>(body.size() + 4)};
  EXPECT_FALSE(peek_parse_name(bytes_of("a")).has_value());
  const auto name = peek_parse_name(bytes_of(body).first(2));
  ByteBuffer out;
  ASSERT_TRUE(append_renamed_parse(out, header, *name, "pgkeel_17").has_value());
  put_bytes(out, bytes_of(body).subspan(name->size() + 1));
  const auto parse = frontend::Parse::decode(ByteSpan(out).subspan(kHeaderBytes)).value();
  EXPECT_EQ(parse.statement, "pgkeel_17");
  EXPECT_EQ(parse.sql, "select 1");
}

TEST(Names, DoNotMakeAMessageTooLong) {
  // Goal: a message at its limit does not grow, and names that its header does not hold are
  // refused.
  ByteBuffer out;
  EXPECT_FALSE(append_renamed_parse(out, {'P', 0x3ffffffe}, "a", "bb").has_value());
  EXPECT_TRUE(append_renamed_parse(out, {'P', 0x3ffffffe}, "a", "b").has_value());
  out.clear();
  EXPECT_FALSE(append_renamed_bind(out, {'B', 12}, {"long portal", ""}, {}).has_value());
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace pgkeel::pg::wire
