// postgresql.conf is edited by people and programs. Goal: nothing crashes the reader, its limits
// hold, and every setting it read can be written and read again.
#include "pg/config_text.hpp"

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = pgkeel::test::text_of(bytes, size);
  const auto config = pgkeel::pg::parse_config_text(text);
  CHECK(config.settings.size() <= pgkeel::pg::kConfigSettingsMax);
  CHECK(config.faults.size() <= pgkeel::pg::kConfigFaultsMax);
  for (const auto& setting : config.settings) {
    CHECK(!setting.name.empty() && setting.line > 0);
    const auto line = setting.name + " = " + pgkeel::pg::quote_config_value(setting.value);
    const auto again = pgkeel::pg::parse_config_text(line);
    CHECK(again.faults.empty() && again.settings.size() == 1);
    CHECK(again.settings[0].name == setting.name && again.settings[0].value == setting.value);
  }
  static_cast<void>(pgkeel::pg::split_config_list(text));
  return 0;
}
