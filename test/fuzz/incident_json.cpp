// Any text as an incident's JSON: what is accepted is written and read back the same.
#include <nlohmann/json.hpp>

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "incident/json.hpp"

using namespace pgkeel;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const auto first = incident::parse_incident(test::text_of(input, size));
  if (!first) return 0;
  const auto written = incident::to_json(*first).dump();
  const auto second = incident::parse_incident(written);
  CHECK(second.has_value());
  CHECK(incident::to_json(*second).dump() == written);
  return 0;
}
