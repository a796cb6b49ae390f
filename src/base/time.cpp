// Time and size in text. Units are listed once, largest first, and used in both directions.
#include "base/time.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <ctime>
#include <limits>

#include <fmt/format.h>

namespace pgkeel {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t millis;
};
constexpr auto kDurationUnits = std::to_array<Unit>(
    {{"d", 86'400'000}, {"h", 3'600'000}, {"min", 60'000}, {"ms", 1}, {"m", 60'000}, {"s", 1'000}});

constexpr auto kSizeUnits = std::to_array<std::pair<std::string_view, int>>({{"TiB", 40},
                                                                             {"TB", 40},
                                                                             {"T", 40},
                                                                             {"GiB", 30},
                                                                             {"GB", 30},
                                                                             {"G", 30},
                                                                             {"MiB", 20},
                                                                             {"MB", 20},
                                                                             {"M", 20},
                                                                             {"KiB", 10},
                                                                             {"kB", 10},
                                                                             {"KB", 10},
                                                                             {"k", 10},
                                                                             {"K", 10},
                                                                             {"B", 0}});

// More than a human lifetime; keeps every later sum far from overflow.
constexpr std::int64_t kDurationMillisMax = 100LL * 365 * 86'400'000;

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::unexpected<Error> bad_duration(std::string_view text) {
  return fail(ErrorCode::ConfigBadValue,
              fmt::format("'{}' is not a duration (write 250ms, 5s, 10min, 2h or 7d)", text));
}

const Unit* take_unit(std::string_view& rest) {
  for (const auto& unit : kDurationUnits) {
    if (!rest.starts_with(unit.name)) continue;
    rest.remove_prefix(unit.name.size());
    return &unit;
  }
  return nullptr;
}

// Reads exactly `width` digits at `at`, or -1.
int digits(std::string_view text, std::size_t at, std::size_t width) {
  if (at + width > text.size()) return -1;
  int number = 0;
  const auto* end = text.data() + at + width;
  const auto [stop, error] = std::from_chars(text.data() + at, end, number);
  return error == std::errc{} && stop == end && number >= 0 ? number : -1;
}

// Microseconds of ".123456"; `rest` is moved behind it.
std::int64_t take_fraction(std::string_view& rest) {
  if (rest.empty() || rest.front() != '.') return 0;
  std::int64_t micros = 0;
  std::int64_t scale = 100'000;
  rest.remove_prefix(1);
  while (!rest.empty() && rest.front() >= '0' && rest.front() <= '9') {
    micros += (rest.front() - '0') * scale;
    scale /= 10;
    rest.remove_prefix(1);
  }
  return micros;
}

}  // namespace

WallTime wall_now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

std::string to_iso8601(WallTime time) {
  const auto since_epoch = std::chrono::floor<Millis>(time).time_since_epoch();
  const auto seconds = std::chrono::floor<Seconds>(since_epoch);
  const std::time_t whole = seconds.count();
  std::tm parts{};
  gmtime_r(&whole, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     (since_epoch - seconds).count());
}

Result<WallTime> parse_iso8601(std::string_view text) {
  std::tm parts{};
  parts.tm_year = digits(text, 0, 4) - 1900;
  parts.tm_mon = digits(text, 5, 2) - 1;
  parts.tm_mday = digits(text, 8, 2);
  parts.tm_hour = digits(text, 11, 2);
  parts.tm_min = digits(text, 14, 2);
  parts.tm_sec = digits(text, 17, 2);
  const bool shaped = text.size() >= 19 && text[4] == '-' && text[7] == '-' &&
                      (text[10] == 'T' || text[10] == ' ') && text[13] == ':' && text[16] == ':';
  const bool in_range = parts.tm_year > -1900 && parts.tm_mon >= 0 && parts.tm_mon < 12 &&
                        parts.tm_mday >= 1 && parts.tm_mday <= 31 && parts.tm_hour >= 0 &&
                        parts.tm_hour < 24 && parts.tm_min >= 0 && parts.tm_min < 60 &&
                        parts.tm_sec >= 0 && parts.tm_sec <= 60;
  auto rest = shaped ? text.substr(19) : std::string_view();
  const auto micros = take_fraction(rest);
  const bool utc = rest == "Z" || rest == "+00" || rest == "+00:00";
  if (!shaped || !in_range || !utc) {
    return fail(ErrorCode::Malformed,
                fmt::format("'{}' is not a UTC time like 2026-11-21T03:04:05Z", text));
  }
  return WallTime{std::chrono::seconds(timegm(&parts)) + std::chrono::microseconds(micros)};
}

Result<Millis> parse_duration(std::string_view text) {
  auto rest = trim(text);
  if (rest.empty()) return bad_duration(text);
  std::int64_t total = 0;
  while (!rest.empty()) {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc{} || number < 0) return bad_duration(text);
    rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
    rest = trim(rest);
    const auto* unit = take_unit(rest);
    if (unit == nullptr || number > (kDurationMillisMax - total) / unit->millis)
      return bad_duration(text);
    total += number * unit->millis;
    rest = trim(rest);
  }
  return Millis(total);
}

std::string format_duration(Millis duration) {
  constexpr auto kPrinted = std::to_array<std::pair<std::string_view, std::int64_t>>(
      {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}});
  std::string text;
  auto left = duration.count();
  for (const auto& [name, millis] : kPrinted) {
    if (left < millis) continue;
    text += fmt::format("{}{}", left / millis, name);
    left %= millis;
  }
  return text.empty() ? "0s" : text;
}

std::string humane_duration(Millis duration) {
  const auto total = duration.count();
  if (total < 1'000) return fmt::format("{} ms", total);
  if (total < 60'000) return fmt::format("{:.1f} s", static_cast<double>(total) / 1000.0);
  if (total < 3'600'000) return fmt::format("{} min {} s", total / 60'000, total / 1'000 % 60);
  if (total < 86'400'000) return fmt::format("{} h {} min", total / 3'600'000, total / 60'000 % 60);
  return fmt::format("{} days {} h", total / 86'400'000, total / 3'600'000 % 24);
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto trimmed = trim(text);
  double number = 0;
  const auto [stop, error] =
      std::from_chars(trimmed.data(), trimmed.data() + trimmed.size(), number);
  const auto unit = trim(trimmed.substr(static_cast<std::size_t>(stop - trimmed.data())));
  int shift = unit.empty() ? 0 : -1;
  for (const auto& [name, bits] : kSizeUnits)
    if (unit == name) shift = bits;
  const double bytes = std::ldexp(number, shift);
  if (error != std::errc{} || shift < 0 || !(bytes >= 0) || bytes > 9e18) {
    return fail(ErrorCode::ConfigBadValue,
                fmt::format("'{}' is not a size (write 512MB or 10GB)", text));
  }
  return static_cast<std::uint64_t>(bytes);
}

std::string format_size(std::uint64_t bytes) {
  constexpr auto kNames = std::to_array<std::string_view>({"B", "kB", "MB", "GB", "TB"});
  auto number = static_cast<double>(bytes);
  std::size_t name = 0;
  while (number >= 1024 && name + 1 < kNames.size()) {
    number /= 1024;
    ++name;
  }
  return name == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", number, kNames[name]);
}

}  // namespace pgkeel
