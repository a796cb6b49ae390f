// Any text as the kept moment of an incident: what is accepted is written and read back the same,
// and no rule stumbles over it.
#include <nlohmann/json.hpp>

#include "base/check.hpp"
#include "diagnose/moment.hpp"
#include "fuzz/fuzz_input.hpp"

using namespace pgkeel;

namespace {

std::string written(const diagnose::Moment& moment) {
  const auto as_it_is = [](std::string text) { return text; };
  return diagnose::moment_to_json(moment, as_it_is)
      .dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  auto first = diagnose::parse_moment(test::text_of(input, size));
  if (!first) return 0;
  const auto text = written(*first);
  const auto second = diagnose::parse_moment(text);
  CHECK(second.has_value());
  CHECK(written(*second) == text);
  const auto findings = diagnose::diagnose(first->as_case());
  CHECK(findings.size() == diagnose::diagnose(second->as_case()).size());
  diagnose::thin_out(*first);
  static_cast<void>(diagnose::diagnose(first->as_case()));
  return 0;
}
