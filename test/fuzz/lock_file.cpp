// postmaster.pid may be half-written or someone else's. Goal: nothing crashes its readers, and a
// pid they accept can be looked up.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "pg/postmaster_pid.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = pgkeel::test::text_of(bytes, size);
  if (const auto lock = pgkeel::pg::parse_postmaster_pid(text)) CHECK(lock->pid > 0);
  if (const auto lock = pgkeel::pg::parse_socket_lock(text)) CHECK(lock->status.empty());
  return 0;
}
