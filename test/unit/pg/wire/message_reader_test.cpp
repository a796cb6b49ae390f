// Whole messages of a client out of any pieces, and bytes on their way out.
#include "pg/wire/message_reader.hpp"

#include <gtest/gtest.h>

#include "pg/wire/frontend_messages.hpp"
#include "pg/wire/out_queue.hpp"

namespace pgkeel::pg::wire {
namespace {

using namespace std::literals;

constexpr std::size_t kMost = 64;

TEST(StartupPacket, HasItsParametersHoweverItComes) {
  // Goal: byte by byte it is the same; nothing before its end.
  const auto packet = "\0\0\0\x2d\0\3\0\0user\0pgkeel_shadow\0replication\0true\0\0"s;
  MessageReader reader(Sender::Frontend, kMost);
  for (std::size_t i = 0; i + 1 < packet.size(); ++i) {
    reader.feed(bytes_of(packet).subspan(i, 1));
    const auto none = reader.next_startup();
    ASSERT_TRUE(none.has_value());
    ASSERT_FALSE(none->has_value()) << i;
  }
  reader.feed(bytes_of(packet).last(1));
  const auto found = reader.next_startup();
  ASSERT_TRUE(found && *found);
  const auto& startup = std::get<StartupMessage>(**found);
  EXPECT_EQ(startup.find("user"), "pgkeel_shadow");
  EXPECT_EQ(startup.find("replication"), "true");
  EXPECT_TRUE(reader.left().empty());
}

TEST(FrontendMessage, ComesWholeAndInOrder) {
  // Goal: two in one piece, a third cut in two; a body longer than allowed is an error.
  MessageReader reader(Sender::Frontend, kMost);
  reader.feed(
      bytes_of("Q\0\0\0\x09"
               "SHOW\0c\0\0\0\4d\0\0\0"sv));
  const auto query = reader.next();
  ASSERT_TRUE(query && *query);
  EXPECT_EQ((*query)->type, 'Q');
  EXPECT_EQ(frontend::Query::decode((*query)->body).value().sql, "SHOW");
  EXPECT_EQ((*reader.next())->type, 'c');
  EXPECT_FALSE(reader.next()->has_value());
  reader.feed(bytes_of("\5xX\0\0\0\x45"sv));
  EXPECT_EQ((*reader.next())->body.size(), 1U);
  EXPECT_FALSE(reader.next().has_value());
}

TEST(OutQueue, ForgetsWhatWasSent) {
  // Goal: what was sent is forgotten, what was not stays, and what never empties does not grow.
  OutQueue queue;
  append_bare<frontend::Sync>(queue.end());
  append_bare<frontend::Terminate>(queue.end());
  queue.sent(5);
  EXPECT_EQ(text_of(queue.pending()), "X\0\0\0\4"s);
  queue.sent(5);
  EXPECT_EQ(queue.bytes_held(), 0U);
  const std::string piece(100'000, 'x');
  append_copy_data(queue.end(), bytes_of(piece));
  for (int i = 0; i < 50; ++i) {
    append_copy_data(queue.end(), bytes_of(piece));
    queue.sent(piece.size() + kHeaderBytes);
    ASSERT_LE(queue.bytes_held(), OutQueue::kSentMax + 2 * piece.size());
  }
  EXPECT_EQ(text_of(queue.pending().subspan(kHeaderBytes)), piece);
}

}  // namespace
}  // namespace pgkeel::pg::wire
