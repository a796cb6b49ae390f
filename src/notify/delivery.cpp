// See delivery.hpp. Retry-After: RFC 9110, 10.2.3.
#include "notify/delivery.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include <fmt/format.h>

#include "incident/redact.hpp"
#include "incident/text.hpp"

namespace pgkeel::notify {
namespace {

constexpr std::size_t kWordsBytesMax = 300;
constexpr int kDoublingsMax = 9;  // 512 s is beyond kRetryMax

// "Sat, 21 Nov 2026 07:00:00 GMT"
std::optional<WallTime> http_date(const std::string& text) {
  std::tm parts{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return WallTime(Seconds(::timegm(&parts)));
}

bool is_about_the_message(int status) {
  constexpr auto kStatuses = std::to_array({400, 413, 414, 415, 422, 431});
  return std::ranges::find(kStatuses, status) != kStatuses.end();
}

}  // namespace

std::string words_of(std::string_view body) {
  auto words =
      incident::one_line(incident::redact(incident::valid_utf8(body.substr(0, kWordsBytesMax))));
  while (!words.empty() && words.back() == ' ') words.pop_back();
  return words;
}

std::optional<Millis> retry_after(const runtime::WebAnswer& answer, WallTime now) {
  const auto header = answer.headers.find("retry-after");
  if (header == answer.headers.end()) return std::nullopt;
  const auto& text = header->second;
  std::int64_t seconds = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, seconds);
  if (error == std::errc{} && stop == end) {
    const auto most = std::chrono::duration_cast<Seconds>(kRetryAfterMax).count();
    return Seconds(std::clamp<std::int64_t>(seconds, 0, most));
  }
  const auto date = http_date(text);
  if (!date) return std::nullopt;
  return std::clamp(std::chrono::duration_cast<Millis>(*date - now), Millis(0), kRetryAfterMax);
}

Outcome judge_http(const runtime::WebAnswer& answer, WallTime now) {
  if (answer.status >= 200 && answer.status < 300) return {Verdict::Delivered, {}, {}};
  const auto words = words_of(answer.body);
  return {is_about_the_message(answer.status) ? Verdict::Refused : Verdict::TryLater,
          fmt::format("HTTP {}{}{}", answer.status, words.empty() ? "" : ": ", words),
          retry_after(answer, now)};
}

Outcome unanswered(const Error& error) {
  return {Verdict::TryLater, words_of(error.message()), {}};
}

bool is_given_up(const Outcome& outcome, int attempts) {
  return outcome.verdict == Verdict::Refused && attempts >= kRefusalsMax;
}

Millis retry_delay(int attempt, std::optional<Millis> asked, double unit) {
  const auto doublings = std::clamp(attempt - 1, 0, kDoublingsMax);
  const auto whole = std::min(kRetryFirst * (1 << doublings), kRetryMax);
  const auto half = whole.count() / 2;
  const Millis delay{half + static_cast<std::int64_t>(unit * static_cast<double>(half))};
  return std::max(delay, std::min(asked.value_or(Millis(0)), kRetryAfterMax));
}

}  // namespace pgkeel::notify
