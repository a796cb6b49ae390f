// See delivery.hpp. Retry-After: RFC 9110, 10.2.3.
#include "notify/delivery.hpp"

#include <algorithm>
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

bool may_pass(int status) {
  switch (status) {
    case 401:
    case 403:
    case 404:
    case 408:
    case 425:
    case 429: return true;
    default: return status >= 500;
  }
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
  return {may_pass(answer.status) ? Verdict::TryLater : Verdict::Refused,
          fmt::format("HTTP {}{}{}", answer.status, words.empty() ? "" : ": ", words),
          retry_after(answer, now)};
}

Outcome unanswered(const Error& error) {
  return {Verdict::TryLater, words_of(error.message()), {}};
}

Millis retry_delay(int attempt, std::optional<Millis> asked, double unit) {
  const auto doublings = std::clamp(attempt - 1, 0, kDoublingsMax);
  const auto whole = std::min(kRetryFirst * (1 << doublings), kRetryMax);
  const auto half = whole.count() / 2;
  const Millis delay{half + static_cast<std::int64_t>(unit * static_cast<double>(half))};
  return std::max(delay, std::min(asked.value_or(Millis(0)), kRetryAfterMax));
}

}  // namespace pgkeel::notify
