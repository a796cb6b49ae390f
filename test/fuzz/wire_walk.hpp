// What the targets of both directions share: the input is a stream of messages whose first byte
// says how it is cut.
#pragma once

#include <algorithm>

#include <fmt/format.h>

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "pg/wire/message_collector.hpp"
#include "support/wire_recode.hpp"

namespace pgkeel::test {

/// Types, lengths and bytes of the messages in a stream, as a walk over chunks of `step` bytes sees
/// them: the same for every step, up to where the stream breaks.
inline std::string walked(wire::Sender sender, ByteSpan stream, std::size_t step) {
  wire::FrameCursor cursor(sender);
  std::string seen;
  for (auto left = stream; !left.empty();) {
    auto chunk = left.first(std::min(step, left.size()));
    left = left.subspan(chunk.size());
    while (true) {
      const auto piece = cursor.next(chunk);
      if (!piece) return seen + "broken";
      if (!*piece) break;
      if ((*piece)->begins()) seen += fmt::format("<{}:", (*piece)->header.length);
      CHECK((*piece)->body().size() <= (*piece)->header.body_bytes());
      seen += wire::text_of((*piece)->carried);
      seen += wire::text_of((*piece)->bytes);
      if ((*piece)->ends()) seen += ">";
    }
  }
  return seen;
}

/// What is taken of a message must come out as it was.
inline void expect_same(wire::Sender sender, const wire::Message& message) {
  ByteBuffer out;
  if (!recode(out, sender, message.type, message.body)) return;
  CHECK(wire::text_of(ByteSpan(out).subspan(wire::kHeaderBytes)) == wire::text_of(message.body));
}

/// Every message that is whole is put together from its pieces, read, and written again.
inline void recode_all(wire::Sender sender, ByteSpan stream, std::size_t step) {
  wire::FrameCursor cursor(sender);
  wire::MessageCollector collector(stream.size());
  for (auto left = stream; !left.empty();) {
    auto chunk = left.first(std::min(step, left.size()));
    left = left.subspan(chunk.size());
    for (auto piece = cursor.next(chunk); piece && *piece; piece = cursor.next(chunk))
      if (const auto message = collector.add(**piece); message && *message)
        expect_same(sender, **message);
    if (!chunk.empty()) return;
  }
}

inline int walk_and_recode(wire::Sender sender, const std::uint8_t* input, std::size_t size) {
  if (size == 0) return 0;
  const auto stream = ByteSpan(reinterpret_cast<const std::byte*>(input), size).subspan(1);
  CHECK(walked(sender, stream, 1 + input[0]) == walked(sender, stream, size));
  recode_all(sender, stream, 1 + input[0]);
  return 0;
}

}  // namespace pgkeel::test
