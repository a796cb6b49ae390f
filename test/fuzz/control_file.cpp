// pg_control is read after crashes, from disks that may have lied. Goal: no bytes make the reader
// crash or read outside them, and what it accepts has an identity.
#include "pg/control_file.hpp"

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const pgkeel::ByteSpan span(reinterpret_cast<const std::byte*>(bytes), size);
  const auto control = pgkeel::pg::parse_control_file(span);
  if (control) CHECK(control->system_id.valid());
  return 0;
}
