// See http_date.hpp. Read without strptime(), which follows the locale.
#include "archive/storage/http_date.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace pgkeel::archive {
namespace {

constexpr std::string_view kForm = "Sat, 21 Nov 2026 10:04:05 GMT";
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::optional<unsigned> number(std::string_view text, std::size_t at, std::size_t length) {
  const auto digits = text.substr(at, length);
  unsigned value = 0;
  const auto read = std::from_chars(digits.begin(), digits.end(), value);
  if (read.ec != std::errc() || read.ptr != digits.end()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<WallTime> parse_http_date(std::string_view text) {
  if (text.size() != kForm.size() || !text.ends_with(" GMT")) return std::nullopt;
  const auto day = number(text, 5, 2);
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  const auto year = number(text, 12, 4);
  const auto hour = number(text, 17, 2);
  const auto minute = number(text, 20, 2);
  const auto second = number(text, 23, 2);
  if (!day || month == kMonths.end() || !year || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date(
      std::chrono::year(static_cast<int>(*year)),
      std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
      std::chrono::day(*day));
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) +
         std::chrono::minutes(*minute) + Seconds(*second);
}

}  // namespace pgkeel::archive
