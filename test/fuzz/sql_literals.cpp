// A statement without its values. Goal: whatever the bytes, the result is bounded, is one line, and
// a value put behind it as a literal never shows.
#include "pg/sql_literals.hpp"
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace pgkeel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  constexpr std::size_t kMost = 160;
  constexpr std::size_t kDots = 3;
  const auto text = test::text_of(bytes, size);
  const auto shown = pg::hide_literals(text, kMost);
  CHECK(shown.size() <= kMost + kDots);
  CHECK(!shown.contains('\n') || text.contains('"'));
  const auto value = pg::hide_literals("select 'Kv9Zq" + std::string(text) + "Kv9Zq'", kMost);
  CHECK(text.contains('\'') || !value.contains("Kv9Zq"));
  return 0;
}
