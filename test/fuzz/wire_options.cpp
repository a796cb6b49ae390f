// "options" of a start-up packet. Goal: nothing crashes the reader, it is bounded by its input, and
// settings that were read are read again from their plainest spelling.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "pg/wire/options.hpp"

namespace {

std::string escaped(const pgkeel::pg::wire::Setting& setting) {
  std::string text = " -c ";
  for (const char c : setting.name + "=" + setting.value) {
    text += '\\';
    text += c;
  }
  return text;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const auto text = pgkeel::test::text_of(input, size);
  std::size_t bytes = 0;
  for (const auto& word : pgkeel::pg::wire::split_options(text)) bytes += word.size();
  CHECK(bytes <= size);
  const auto settings = pgkeel::pg::wire::parse_options(text);
  if (!settings) return 0;
  std::string again;
  for (const auto& setting : *settings) again += escaped(setting);
  const auto reread = pgkeel::pg::wire::parse_options(again);
  CHECK(reread && *reread == *settings);
  return 0;
}
