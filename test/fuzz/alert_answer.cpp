// Any answer of an alert channel's server, and any spool entry: judged within bounds, never shown
// with line ends, read back as written.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "notify/notice.hpp"
#include "notify/telegram.hpp"

using namespace pgkeel;

namespace {

constexpr std::size_t kWordsMax = 4096;  // replacement characters and masks are longer than bytes

void check(const notify::Outcome& outcome) {
  CHECK(outcome.words.find('\n') == std::string::npos);
  CHECK(outcome.words.size() <= kWordsMax);
  CHECK(!outcome.retry_after ||
        (*outcome.retry_after >= Millis(0) && *outcome.retry_after <= notify::kRetryAfterMax));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const std::string text(test::text_of(input, size));
  const int status = size == 0 ? 200 : 200 + 3 * static_cast<int>(input[0]);
  const WallTime now{};
  const runtime::WebAnswer answer{status, {{"retry-after", text}}, text};
  check(notify::judge_http(answer, now));
  check(notify::judge_telegram(answer, now));
  CHECK(notify::cut_utf16(text, notify::kTelegramTextMax).size() <=
        3 * notify::kTelegramTextMax + 3 + size);
  const auto notice = notify::notice_from_json(text);
  if (notice) CHECK(notify::notice_from_json(notify::to_json_text(*notice)).has_value());
  return 0;
}
