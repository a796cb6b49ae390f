// Labelled blocks and the wording of times, common to all screens.
#include <algorithm>

#include <fmt/format.h>

#include "app/render.hpp"

namespace pgkeel::app {
namespace {

constexpr std::size_t kLabelColumns = 12;

}  // namespace

void Sheet::block(std::string_view label, std::string_view line) {
  if (line.empty()) {
    text_ += look_.paint(Tone::Strong, label) + "\n";
    return;
  }
  const auto padded = fmt::format("{:<{}}", label, kLabelColumns);
  text_ += look_.paint(Tone::Strong, padded);
  text_ += wrap(line, static_cast<std::size_t>(look_.width), kLabelColumns);
}

void Sheet::line(std::string_view line) {
  text_ += std::string(kLabelColumns, ' ');
  text_ += wrap(line, static_cast<std::size_t>(look_.width), kLabelColumns);
}

void Sheet::rows(const std::vector<std::vector<std::string>>& rows) {
  const auto table = columns(rows, look_.width - static_cast<int>(kLabelColumns));
  std::size_t at = 0;
  while (at < table.size()) {
    const auto end = table.find('\n', at);
    text_ += std::string(kLabelColumns, ' ') + table.substr(at, end - at + 1);
    at = end + 1;
  }
}

std::string since(WallTime then, WallTime now) {
  const auto age = std::chrono::duration_cast<Millis>(now - then);
  return humane_duration(std::max(age, Millis(0)));
}

std::string clock(WallTime time, WallTime now) {
  const auto text = to_iso8601(time);
  const bool today = to_iso8601(now).substr(0, 10) == text.substr(0, 10);
  return today ? text.substr(11, 8) : fmt::format("{} {}", text.substr(0, 10), text.substr(11, 8));
}

Tone tone_of_severity(std::string_view severity) {
  if (severity == "critical") return Tone::Bad;
  return severity == "warning" ? Tone::Warn : Tone::Plain;
}

}  // namespace pgkeel::app
