// See wal_name.hpp.
#include "pg/wal_name.hpp"

#include <algorithm>
#include <bit>
#include <charconv>

#include <fmt/format.h>

namespace pgkeel::pg {
namespace {

constexpr std::uint64_t kLogBytes = 1ULL << 32U;  // a "log file" of the name's middle part
constexpr std::size_t kSegmentNameSize = 24;
constexpr std::string_view kHistorySuffix = ".history";

std::optional<std::uint32_t> parse_hex8(std::string_view text) {
  const bool upper_hex = std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); });
  std::uint32_t number = 0;
  if (text.size() != 8 || !upper_hex) return std::nullopt;
  std::from_chars(text.data(), text.data() + text.size(), number, 16);
  return number;
}

std::string_view next_word(std::string_view& line) {
  constexpr std::string_view kBlank = " \t\r";
  line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
  const auto word = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(word.size());
  return word;
}

Result<TimelineSwitch> parse_switch(std::string_view line, int line_number) {
  TimelineSwitch found;
  const auto timeline = next_word(line);
  const auto end = timeline.data() + timeline.size();
  const auto parsed = std::from_chars(timeline.data(), end, found.parent.value);
  auto lsn = parse_lsn(next_word(line));
  if (parsed.ec != std::errc() || parsed.ptr != end || !found.parent.valid() || !lsn)
    return fail(ErrorCode::Malformed,
                fmt::format("timeline history, line {}: not \"TIMELINE LSN REASON\"", line_number));
  found.switch_at = *lsn;
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  found.reason = line;
  return found;
}

}  // namespace

WalSegment segment_of(TimelineId timeline, Lsn lsn, std::uint64_t segment_bytes) {
  return {timeline, lsn.value / segment_bytes};
}

std::string segment_name(const WalSegment& segment, std::uint64_t segment_bytes) {
  const auto per_log = kLogBytes / segment_bytes;
  return fmt::format("{:08X}{:08X}{:08X}", segment.timeline.value, segment.number / per_log,
                     segment.number % per_log);
}

std::optional<WalSegment> parse_segment_name(std::string_view name, std::uint64_t segment_bytes) {
  if (name.size() != kSegmentNameSize) return std::nullopt;
  const auto timeline = parse_hex8(name.substr(0, 8));
  const auto log = parse_hex8(name.substr(8, 8));
  const auto part = parse_hex8(name.substr(16));
  const auto per_log = kLogBytes / segment_bytes;
  if (!timeline || *timeline == 0 || !log || !part || *part >= per_log) return std::nullopt;
  return WalSegment{TimelineId(*timeline), *log * per_log + *part};
}

std::string history_name(TimelineId timeline) {
  return fmt::format("{:08X}{}", timeline.value, kHistorySuffix);
}

std::optional<TimelineId> parse_history_name(std::string_view name) {
  if (!name.ends_with(kHistorySuffix)) return std::nullopt;
  name.remove_suffix(kHistorySuffix.size());
  const auto timeline = parse_hex8(name);
  if (!timeline || *timeline == 0) return std::nullopt;
  return TimelineId(*timeline);
}

Result<std::vector<TimelineSwitch>> parse_history(std::string_view text) {
  std::vector<TimelineSwitch> switches;
  for (int line_number = 1; !text.empty(); ++line_number) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || line[first] == '#') continue;
    TRY(found, parse_switch(line, line_number));
    switches.push_back(std::move(found));
  }
  return switches;
}

bool valid_segment_bytes(std::uint64_t bytes) {
  return std::has_single_bit(bytes) && bytes >= (1U << 20U) && bytes <= (1U << 30U);
}

}  // namespace pgkeel::pg
