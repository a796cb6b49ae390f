// The timeline on a terminal: a clock, the distance from the failure, a symbol, a word, the text.
// Narrow terminals get the text below the word.
#include <algorithm>

#include <fmt/format.h>

#include "incident/text.hpp"
#include "incident/timeline.hpp"

namespace pgkeel::incident {
namespace {

constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kBold = "\x1b[1m";
constexpr std::string_view kGreen = "\x1b[32m";
constexpr std::string_view kYellow = "\x1b[33m";
constexpr std::string_view kRed = "\x1b[1;31m";
constexpr std::string_view kReset = "\x1b[0m";

// Clock (12), distance (8), symbol, word (8) and the spaces between them.
constexpr std::size_t kTextColumn = 34;
constexpr std::size_t kNarrowTextColumn = 4;
constexpr std::size_t kTextColumnsMin = 24;

class Page {
 public:
  explicit Page(const Style& style) : style_(style) {}

  [[nodiscard]] std::string paint(std::string_view colour, std::string_view text) const {
    if (style_.colour == Colour::Plain || colour.empty()) return std::string(text);
    return fmt::format("{}{}{}", colour, text, kReset);
  }
  void paragraph(std::string_view text, std::string_view colour) {
    for (const auto& line : wrap(text, style_.width)) text_ += paint(colour, line) + "\n";
  }
  void blank() { text_ += "\n"; }
  void moment(const Moment& moment, Millis since);
  void day(std::string_view date) { text_ += paint(kDim, fmt::format("{} UTC", date)) + "\n"; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  Style style_;
  std::string text_;
};

std::string_view symbol_of(const Moment& moment) {
  switch (moment.kind) {
    case MomentKind::Failed: return "✗";
    case MomentKind::Seen: return "·";
    case MomentKind::Noticed: return "!";
    case MomentKind::Acted: return "→";
    case MomentKind::Checked: return moment.tone == Tone::Good ? "✓" : "✗";
    case MomentKind::Noted: return "-";
    case MomentKind::Restored: return "●";
    case MomentKind::Closed: return "■";
  }
  return "-";
}

std::string_view colour_of(Tone tone) {
  switch (tone) {
    case Tone::Neutral: return "";
    case Tone::Good: return kGreen;
    case Tone::Bad: return kYellow;
  }
  return "";
}

void Page::moment(const Moment& moment, Millis since) {
  const bool narrow = style_.width < kTextColumn + kTextColumnsMin;
  const auto indent = narrow ? kNarrowTextColumn : kTextColumn;
  const auto lines = wrap(moment.text, style_.width > indent ? style_.width - indent : 1);
  const auto when =
      fmt::format("{} {:>8}", to_iso8601(moment.at).substr(11, 12), relative_time(since));
  const auto what = fmt::format("{} {:<8}", symbol_of(moment), to_string(moment.kind));
  text_ += fmt::format("{}  {} ", paint(kDim, when), paint(colour_of(moment.tone), what));
  if (narrow) text_ += "\n";
  bool first = true;
  for (const auto& line : lines) {
    if (!first || narrow) text_ += std::string(indent, ' ');
    text_ += line + "\n";
    first = false;
  }
}

void show_moments(Page& page, const Incident& incident) {
  const auto origin = failed_at(incident);
  std::string day;
  for (const auto& moment : moments_of(incident)) {
    const auto date = to_iso8601(moment.at).substr(0, 10);
    if (date != day) page.day(date);
    day = date;
    page.moment(moment, std::chrono::floor<Millis>(moment.at - origin));
  }
}

}  // namespace

std::string render_timeline(const Incident& incident, const Style& style) {
  Page page(style);
  page.paragraph(fmt::format("Incident {}: {}, {} ({})", incident.id, in_words(incident.cause),
                             one_line(incident.subject), to_string(incident.state)),
                 kBold);
  if (lost_something(incident)) page.paragraph(loss_in_words(incident), kRed);
  if (!incident.summary.empty()) page.paragraph(one_line(incident.summary), "");
  page.blank();
  show_moments(page, incident);
  page.blank();
  page.paragraph(speed_in_words(incident), "");
  if (!lost_something(incident)) page.paragraph(loss_in_words(incident), "");
  return page.take();
}

}  // namespace pgkeel::incident
