// Connection strings come from people and environments. Goal: nothing crashes the reader, what it
// accepts reads back the same from what it writes, and the redacted form shows no password.
#include "pg/conninfo.hpp"

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto conninfo = pgkeel::pg::parse_conninfo(pgkeel::test::text_of(bytes, size));
  if (!conninfo) return 0;
  const std::string written = conninfo->to_keyword_value();
  const auto again = pgkeel::pg::parse_conninfo(written);
  CHECK(again.has_value());
  CHECK(again->to_keyword_value() == written);
  return 0;
}
