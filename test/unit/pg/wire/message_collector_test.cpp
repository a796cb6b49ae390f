// Whole messages out of the pieces of a walk.
#include "pg/wire/message_collector.hpp"

#include <gtest/gtest.h>

#include "pg/wire/frontend_messages.hpp"

namespace pgkeel::pg::wire {
namespace {

/// What comes out of a stream walked in chunks of `cut` bytes, as "TYPE:BODY ".
std::string collected(std::string_view stream, std::size_t cut) {
  FrameCursor cursor(Sender::Frontend);
  MessageCollector collector(16);
  std::string seen;
  while (!stream.empty()) {
    auto chunk = bytes_of(stream.substr(0, cut));
    stream.remove_prefix(chunk.size());
    while (const auto piece = cursor.next(chunk).value()) {
      const auto message = collector.add(*piece);
      if (!message) return seen + "too long";
      if (*message) seen += fmt::format("{}:{} ", (*message)->type, text_of((*message)->body));
    }
  }
  return seen;
}

TEST(MessageCollector, GivesTheSameHoweverTheyAreCut) {
  // Goal: every cut; empty bodies, and one after another in the same buffer.
  ByteBuffer stream;
  append_copy_data(stream, bytes_of("sixteen bytes ok"));
  append_bare<frontend::Sync>(stream);
  append_copy_data(stream, bytes_of("abc"));
  for (std::size_t cut = 1; cut <= stream.size(); ++cut)
    EXPECT_EQ(collected(text_of(stream), cut), "d:sixteen bytes ok S: d:abc ") << cut;
}

TEST(MessageCollector, RefusesAtTheFirstPiece) {
  // Goal: hazard 15: what is too long is known by its header, before anything is held.
  ByteBuffer stream;
  append_copy_data(stream, bytes_of("seventeen bytes !"));
  auto chunk = ByteSpan(stream).first(6);
  FrameCursor cursor(Sender::Frontend);
  MessageCollector collector(16);
  const auto piece = cursor.next(chunk).value();
  EXPECT_FALSE(collector.add(*piece).has_value());
  EXPECT_EQ(collector.bytes_held(), 0U);
  EXPECT_EQ(collected(text_of(stream), 1), "too long");
}

TEST(MessageCollector, CopiesNothingThatIsWhole) {
  // Goal: a message in one chunk is seen where it lies.
  ByteBuffer stream;
  append_copy_data(stream, bytes_of("abc"));
  ByteSpan chunk(stream);
  FrameCursor cursor(Sender::Frontend);
  MessageCollector collector(16);
  const auto message = collector.add(*cursor.next(chunk).value()).value();
  EXPECT_EQ(message->body.data(), stream.data() + kHeaderBytes);
  EXPECT_EQ(collector.bytes_held(), 0U);
}

}  // namespace
}  // namespace pgkeel::pg::wire
