// The reader, the bounded splitting into lines, and what the three forms spell alike.
#include "pg/log_line.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <utility>

#include "base/check.hpp"
#include "pg/log_decoder.hpp"

namespace pgkeel::pg {
namespace {

constexpr auto kSeverityNames = std::to_array<std::string_view>(
    {"unknown", "debug", "log", "info", "notice", "warning", "error", "fatal", "panic"});

struct SeverityWord {
  std::string_view word;
  LogSeverity severity;
};
constexpr auto kSeverityWords = std::to_array<SeverityWord>({
    {"LOG", LogSeverity::Log},
    {"ERROR", LogSeverity::Error},
    {"FATAL", LogSeverity::Fatal},
    {"PANIC", LogSeverity::Panic},
    {"WARNING", LogSeverity::Warning},
    {"NOTICE", LogSeverity::Notice},
    {"INFO", LogSeverity::Info},
    {"DEBUG", LogSeverity::Debug},
});

constexpr std::size_t kTimeLength = 19;       // "2026-11-21 03:04:05"
constexpr std::size_t kLineBytesUsual = 128;  // only a guess of how many events a buffer holds

bool is_digit(char c) { return c >= '0' && c <= '9'; }

template <class Number>
bool parse_digits(std::string_view text, Number& number) {
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return !text.empty() && is_digit(text[0]) && error == std::errc{} && stop == end;
}

/// Seconds east of UTC: "UTC", "GMT", "Z", "+02", "-0330", "+05:30"; nullopt for other names.
std::optional<std::chrono::seconds> zone_offset(std::string_view zone) {
  if (zone == "UTC" || zone == "GMT" || zone == "Z") return Seconds(0);
  if (zone.size() < 3 || (zone[0] != '+' && zone[0] != '-')) return std::nullopt;
  int hours = 0;
  int minutes = 0;
  auto rest = zone.substr(3);
  if (rest.starts_with(':')) rest.remove_prefix(1);
  if (!parse_digits(zone.substr(1, 2), hours) || hours > 15) return std::nullopt;
  if (!rest.empty() && (rest.size() != 2 || !parse_digits(rest, minutes) || minutes > 59))
    return std::nullopt;
  const auto offset = Seconds(hours * 3600 + minutes * 60);
  return zone[0] == '-' ? -offset : offset;
}

// "CET", "EDT": an abbreviation says something only together with a zone. initdb writes this
// machine's own into log_timezone, so it is tried; another's stays unknown.
std::optional<WallTime> in_own_zone(std::string_view zone, WallTime local) {
  ::tzset();
  const bool summer = zone == ::tzname[1];
  if (!summer && zone != ::tzname[0]) return std::nullopt;
  const auto whole = std::chrono::floor<Seconds>(local);
  const std::time_t as_told = whole.time_since_epoch().count();
  std::tm fields{};
  ::gmtime_r(&as_told, &fields);
  fields.tm_isdst = summer ? 1 : 0;
  const auto at = ::mktime(&fields);
  if (fields.tm_zone == nullptr || zone != fields.tm_zone) return std::nullopt;
  return WallTime{Seconds(at)} + (local - whole);
}

std::unique_ptr<LogDecoder> make_decoder(ServerLogFormat format) {
  switch (format) {
    case ServerLogFormat::Csv: return make_csv_decoder();
    case ServerLogFormat::Json: return make_json_decoder();
    case ServerLogFormat::Stderr: break;
  }
  return make_stderr_decoder();
}

}  // namespace

std::string_view to_string(LogSeverity severity) {
  return kSeverityNames.at(std::to_underlying(severity));
}

LogSeverity severity_of(std::string_view word) {
  if (word.starts_with("DEBUG")) return LogSeverity::Debug;
  const auto* found = std::ranges::find(kSeverityWords, word, &SeverityWord::word);
  return found == kSeverityWords.end() ? LogSeverity::Unknown : found->severity;
}

LogLine unknown_line(std::string_view text) {
  LogLine line;
  line.message = text;
  return line;
}

pid_t pid_of(std::string_view text) {
  pid_t pid = 0;
  return parse_digits(text, pid) ? pid : 0;
}

bool starts_with_time(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-dd dd:dd:dd";
  if (text.size() < kShape.size()) return false;
  return std::ranges::equal(text.substr(0, kShape.size()), kShape, [](char have, char want) {
    return want == 'd' ? is_digit(have) : have == want;
  });
}

std::optional<WallTime> parse_log_time(std::string_view text) {
  if (!starts_with_time(text)) return std::nullopt;
  const auto gap = text.find(' ', kTimeLength);
  if (gap == std::string_view::npos) return std::nullopt;
  const auto zone = text.substr(gap + 1);
  const auto local = parse_iso8601(std::string(text.substr(0, gap)) + "Z");
  if (!local) return std::nullopt;
  if (const auto offset = zone_offset(zone)) return *local - *offset;
  return in_own_zone(zone, *local);
}

void LogDecoder::append(std::string_view part) {
  const auto room = kLogLineBytesMax - line_.size();
  if (part.size() > room) whole_ = Whole::Cut;
  line_ += part.substr(0, room);
}

void LogDecoder::end_line(std::string_view line, std::vector<LogLine>& out) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  take_line(line, whole_, out);
  line_.clear();
  whole_ = Whole::Yes;
}

// A line that is here whole is read where it lies; only one that came in parts is put together.
void LogDecoder::feed(std::string_view bytes, std::vector<LogLine>& out) {
  out.reserve(out.size() + bytes.size() / kLineBytesUsual);
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto part = bytes.substr(0, end);
    const bool here = line_.empty() && part.size() <= kLogLineBytesMax;
    if (!here || end == std::string_view::npos) append(part);
    if (end == std::string_view::npos) return;
    end_line(here ? part : line_, out);
    bytes.remove_prefix(end + 1);
  }
}

void LogDecoder::finish(std::vector<LogLine>& out) {
  if (!line_.empty()) end_line(line_, out);
  flush(out);
}

LogReader::LogReader(ServerLogFormat format) : decoder_(make_decoder(format)) {}
LogReader::~LogReader() = default;
LogReader::LogReader(LogReader&&) noexcept = default;
LogReader& LogReader::operator=(LogReader&&) noexcept = default;

std::vector<LogLine> LogReader::feed(std::string_view bytes) {
  CHECK(decoder_ != nullptr);
  std::vector<LogLine> out;
  decoder_->feed(bytes, out);
  return out;
}

std::vector<LogLine> LogReader::finish() {
  CHECK(decoder_ != nullptr);
  std::vector<LogLine> out;
  decoder_->finish(out);
  return out;
}

std::vector<LogLine> parse_log(ServerLogFormat format, std::string_view text) {
  LogReader reader(format);
  auto lines = reader.feed(text);
  auto rest = reader.finish();
  std::ranges::move(rest, std::back_inserter(lines));
  return lines;
}

}  // namespace pgkeel::pg
