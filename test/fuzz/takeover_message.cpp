// What one gateway says to another that takes over. Goal: whatever the bytes, a message is read or
// refused, and what is read is said in the same bytes.
#include "app/gateway/takeover_message.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto given = pgkeel::ByteSpan(reinterpret_cast<const std::byte*>(bytes), size);
  const auto message = pgkeel::app::decode_takeover(given);
  if (message) CHECK(std::ranges::equal(pgkeel::app::encode(*message), given));
  return 0;
}
