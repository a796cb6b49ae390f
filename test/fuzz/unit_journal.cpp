// What systemctl and journalctl say. Goal: any text is read as something or left out, a line of the
// log for each entry at most.
#include <algorithm>

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "instance/unit_journal.hpp"

using namespace pgkeel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = test::text_of(bytes, size);
  const auto log = instance::journal_as_log(text);
  CHECK(std::ranges::count(log, '\n') <= std::ranges::count(text, '\n') + 1);
  static_cast<void>(instance::parse_unit_state("x.service", text).describe());
  return 0;
}
