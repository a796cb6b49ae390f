// Connection strings come from people and environments. Goal: nothing crashes the reader, what it
// accepts reads back the same from what it writes, and the redacted form is that of the same values
// without their secrets.
#include "pg/conninfo.hpp"

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"

namespace {

pgkeel::pg::Conninfo masked(pgkeel::pg::Conninfo info) {
  if (!info.password.empty()) info.password = "***";
  for (auto& [keyword, value] : info.options)
    if (pgkeel::pg::is_secret_keyword(keyword)) value = "***";
  return info;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  auto info = pgkeel::pg::parse_conninfo(pgkeel::test::text_of(bytes, size));
  if (!info) {
    CHECK(info.error().code == pgkeel::ErrorCode::BadConninfo);
    return 0;
  }
  CHECK(info->redacted() == masked(*info).to_keyword_value());
  static_cast<void>(info->hosts());
  info->ignored.clear();
  const auto written = info->to_keyword_value();
  if (written.size() > pgkeel::pg::kConninfoBytesMax) return 0;
  const auto again = pgkeel::pg::parse_conninfo(written);
  CHECK(again && *again == *info);
  return 0;
}
