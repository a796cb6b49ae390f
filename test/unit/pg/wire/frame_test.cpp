// Message borders in a stream that is cut anywhere.
#include "pg/wire/frame.hpp"

#include <gtest/gtest.h>

#include "pg/wire/backend_messages.hpp"
#include "pg/wire/frontend_messages.hpp"

namespace pgkeel::pg::wire {
namespace {

using namespace std::literals;

/// What a walk saw: types and lengths of messages in order, and every byte it was to forward.
struct Seen {
  std::string messages;
  std::string forwarded;
  std::string bodies;
};

Seen walk(FrameCursor& cursor, std::string_view stream, std::size_t cut) {
  Seen seen;
  while (!stream.empty()) {
    auto chunk = bytes_of(stream.substr(0, cut));
    stream.remove_prefix(chunk.size());
    while (true) {
      const auto piece = cursor.next(chunk);
      if (!piece) seen.messages += "!";
      if (!piece || !*piece) break;
      EXPECT_EQ((*piece)->begins(), (*piece)->offset == 0);
      if ((*piece)->begins())
        seen.messages += (*piece)->header.type + std::to_string((*piece)->header.length) + " ";
      if ((*piece)->ends()) seen.messages += ". ";
      seen.forwarded += text_of((*piece)->carried);
      seen.forwarded += text_of((*piece)->bytes);
      seen.bodies += text_of((*piece)->body());
    }
  }
  return seen;
}

TEST(FrameCursor, FindsTheSameMessagesHoweverTheStreamIsCut) {
  // Goal: hazard 15: at every size of chunk the borders, the bytes and the bodies are the same.
  const auto stream = "Q\0\0\0\x0dselect 1\0S\0\0\0\4d\0\0\0\7abcX\0\0\0\4"s;
  for (std::size_t cut = 1; cut <= stream.size(); ++cut) {
    FrameCursor cursor(Sender::Frontend);
    const auto seen = walk(cursor, stream, cut);
    EXPECT_EQ(seen.messages, "Q13 . S4 . d7 . X4 . ") << cut;
    EXPECT_EQ(seen.forwarded, stream) << cut;
    EXPECT_EQ(seen.bodies, "select 1\0abc"s) << cut;
    EXPECT_TRUE(cursor.between_messages());
  }
}

TEST(FrameCursor, TellsWhetherAMessageIsUnderWay) {
  // Goal: a stream that stops within a header or a body is not at a border.
  FrameCursor cursor(Sender::Backend);
  walk(cursor, "Z\0\0"s, 9);
  EXPECT_FALSE(cursor.between_messages());
  walk(cursor, "\0\5"s, 9);
  EXPECT_FALSE(cursor.between_messages());
  EXPECT_EQ(cursor.left(), 1U);
  EXPECT_EQ(walk(cursor, "I", 9).messages, ". ");
  EXPECT_TRUE(cursor.between_messages());
}

TEST(FrameCursor, ForwardsAGigabyteInPieces) {
  // Goal: hazard 15: the longest DataRow goes by in chunks of 1 MB; nothing is assembled.
  FrameCursor cursor(Sender::Backend);
  EXPECT_EQ(walk(cursor, "D\x40\0\0\3"s, 5).messages, "D1073741827 ");
  const std::string megabyte(1U << 20U, 'x');
  for (int i = 0; i < 1023; ++i) EXPECT_EQ(walk(cursor, megabyte, megabyte.size()).messages, "");
  EXPECT_EQ(walk(cursor, megabyte.substr(1), megabyte.size()).messages, ". ");
  EXPECT_TRUE(cursor.between_messages());
}

std::string refusal(Sender sender, char type, std::uint32_t length) {
  std::string header(1, type);
  for (const unsigned shift : {24U, 16U, 8U, 0U}) header += static_cast<char>(length >> shift);
  const auto read = read_header(sender, bytes_of(header));
  return read ? "" : read.error().detail;
}

TEST(FrameHeader, HoldsClientsToWhatTheServerTakes) {
  // Goal: hazard 15: limits of postgres.c on both sides of each; no length below its own four.
  constexpr auto kFrom = Sender::Frontend;
  EXPECT_EQ(refusal(kFrom, 'Q', 0x3ffffffe), "");
  EXPECT_EQ(refusal(kFrom, 'Q', 0x3fffffff),
            "a Query message of length 1073741823 from the client");
  EXPECT_EQ(refusal(kFrom, 'C', 10'000), "");
  EXPECT_NE(refusal(kFrom, 'C', 10'001), "");
  EXPECT_EQ(refusal(kFrom, 'p', 65'535), "");
  EXPECT_NE(refusal(kFrom, 'p', 65'536), "");
  EXPECT_NE(refusal(kFrom, 'S', 5), "");
  for (const std::uint32_t length : {0U, 3U, 0x80000000U, 0xffffffffU})
    EXPECT_NE(refusal(kFrom, 'd', length), "") << length;
}

TEST(FrameHeader, HoldsServersToWhatLibpqTakes) {
  // Goal: long answers may be long, short ones not; a login's are held to 2000 bytes.
  constexpr auto kFrom = Sender::Backend;
  EXPECT_EQ(refusal(kFrom, 'D', 0x40000003), "");
  EXPECT_NE(refusal(kFrom, 'D', 0x40000004), "");
  EXPECT_EQ(refusal(kFrom, 'C', 30'000), "");
  EXPECT_NE(refusal(kFrom, 'C', 30'001), "");
  EXPECT_NE(refusal(kFrom, 'R', 2'001), "");
  EXPECT_EQ(refusal(kFrom, 't', 262'146), "");  // 65535 parameters
  EXPECT_NE(refusal(kFrom, 'Z', 4), "");
  EXPECT_NE(refusal(kFrom, 'K', 4 + 4 + 257), "");
}

TEST(FrameHeader, RefusesWhatTheSideNeverSays) {
  // Goal: a type is known only from its own side.
  EXPECT_EQ(refusal(Sender::Frontend, 'Z', 5), "a message of unknown type 0x5a from the client");
  EXPECT_EQ(refusal(Sender::Backend, 'Q', 5), "a message of unknown type 0x51 from the server");
  for (const std::uint32_t length : {0U, 1U, 4U, 0xffffffffU})  // a length of 0 once passed
    EXPECT_NE(refusal(Sender::Backend, '\0', length), "") << length;
  EXPECT_EQ(message_name(Sender::Frontend, 'S'), "Sync");
  EXPECT_EQ(message_name(Sender::Backend, 'S'), "ParameterStatus");
  EXPECT_EQ(message_name(Sender::Backend, '\xff'), "");
}

}  // namespace
}  // namespace pgkeel::pg::wire
