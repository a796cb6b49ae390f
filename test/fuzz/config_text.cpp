// postgresql.conf is edited by people and programs. Goal: nothing crashes the reader, its limits
// hold, and every value it read can be written and read again.
#include "pg/config_text.hpp"

#include <string>

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto read = pgkeel::pg::parse_config_text(pgkeel::test::text_of(bytes, size));
  CHECK(read.settings.size() <= pgkeel::pg::kConfigSettingsMax);
  CHECK(read.faults.size() <= pgkeel::pg::kConfigFaultsMax);
  for (const auto& setting : read.settings) {
    static_cast<void>(pgkeel::pg::split_config_list(setting.value));
    const auto again =
        pgkeel::pg::parse_config_text("name = " + pgkeel::pg::quote_config_value(setting.value));
    CHECK(again.faults.empty());
    CHECK(pgkeel::pg::find_setting(again.settings, "name") == setting.value);
  }
  return 0;
}
