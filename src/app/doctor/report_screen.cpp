// The report on one screen: the verdict first, then what supports it, what it is not, what is to be
// done, what the last two days tell. What there is no room for is counted and stands in --json.
#include <algorithm>

#include <fmt/format.h>

#include "app/doctor/report.hpp"
#include "app/render.hpp"

namespace pgkeel::app {
namespace {

constexpr std::size_t kEvidenceShown = 5;
constexpr std::size_t kOthersShown = 6;
constexpr std::size_t kStoriesShown = 6;

std::string shown(const Json& object, std::string_view key) {
  return printable(text_of(object, key));
}

std::string left_out(std::size_t all, std::size_t most) {
  return fmt::format("... and {} more (--json)", all - most);
}

// The first line under its label, the others below it; nothing for an empty list.
template <class Line>
void show_list(Sheet& sheet, std::string_view label, const Json& list, std::size_t most,
               Line line) {
  if (!list.is_array() || list.empty()) return;
  for (std::size_t i = 0; i < std::min(list.size(), most); ++i) {
    if (i == 0) sheet.block(label, line(list[i]));
    else sheet.line(line(list[i]));
  }
  if (list.size() > most) sheet.line(left_out(list.size(), most));
}

void show_verdict(Sheet& sheet, const Json& report, const Look& look) {
  const auto& verdict = member(report, "verdict");
  const auto tone = text_of(verdict, "severity") == "info"
                        ? Tone::Good
                        : tone_of_severity(text_of(verdict, "severity"));
  sheet.block("Verdict", look.paint(tone, shown(verdict, "text")));
  const auto cause = text_of(verdict, "cause");
  const auto& sure = member(verdict, "confidence");
  if (!cause.empty() && sure.is_number())
    sheet.line(fmt::format("{}, {:.0f} % sure", cause, sure.get<double>() * 100));
  sheet.block("Instance",
              shown(report, "instance") +
                  (flag_of(report, "guard_runs") ? "; a guard runs" : "; no guard runs"));
}

void show_first(Sheet& sheet, const Json& finding) {
  show_list(sheet, "Because", member(finding, "evidence"), kEvidenceShown, [](const Json& one) {
    return fmt::format("{}: {}", text_of(one, "source"), shown(one, "text"));
  });
}

void show_remedy(Sheet& sheet, const Json& finding) {
  const auto would = shown(finding, "would_do");
  if (!would.empty()) sheet.block("Would do", would);
  const auto human = shown(finding, "human");
  if (!human.empty()) sheet.block("You", human);
}

std::string story_line(const Json& story, const Look& look, WallTime now) {
  std::string when;
  if (const auto last = time_of(story, "last_at")) when = clock(*last, now) + " ";
  const auto times = number_of(story, "times").value_or(1);
  auto line = fmt::format("{}{}{}", when, shown(story, "sentence"),
                          times > 1 ? fmt::format(" ({} times)", times) : "");
  line = look.paint(tone_of_severity(text_of(story, "severity")), line);
  const auto advice = shown(story, "advice");
  return advice.empty() ? line : line + ": " + advice;
}

std::string app_line(const Json& story, WallTime now) {
  std::string when;
  if (const auto last = time_of(story, "last_at")) when = clock(*last, now) + " ";
  const auto times = number_of(story, "times").value_or(1);
  auto line = fmt::format("{}{}{}: {}", when, shown(story, "sentence"),
                          times > 1 ? fmt::format(" ({} times)", times) : "", shown(story, "text"));
  const auto incident = shown(story, "incident");
  return incident.empty() ? line : line + " (while incident " + incident + " was open)";
}

std::string answer_line(const Json& answer, const Look& look) {
  const auto kind = text_of(answer, "kind");
  const auto tone = kind == "notable" ? Tone::Warn : kind == "unknown" ? Tone::Dim : Tone::Plain;
  return text_of(answer, "question") + " " +
         look.paint(tone, (kind == "unknown" ? "not known: " : "") + shown(answer, "answer"));
}

void show_sources(Sheet& sheet, const Json& report, const Look& look) {
  std::string missing;
  for (const auto& source : member(report, "sources")) {
    const auto why = shown(source, "unavailable");
    if (!why.empty())
      missing +=
          fmt::format("{}{} ({})", missing.empty() ? "" : "; ", text_of(source, "name"), why);
  }
  if (!missing.empty()) sheet.block("Not seen", look.paint(Tone::Dim, missing));
}

}  // namespace

std::string render_doctor(const Json& report, const Look& look, WallTime now) {
  Sheet sheet(look);
  show_verdict(sheet, report, look);
  const auto& findings = member(report, "findings");
  if (findings.is_array() && !findings.empty()) {
    show_first(sheet, findings.front());
    show_list(sheet, "It is not", member(report, "excluded"), kOthersShown, [](const Json& one) {
      return fmt::format("{}: {}", text_of(one, "cause"), shown(one, "because"));
    });
    show_list(sheet, "Or it is", member(findings.front(), "alternatives"), kOthersShown,
              [](const Json& one) {
                return fmt::format("{}? What would tell: {}", text_of(one, "what"),
                                   shown(one, "tells"));
              });
    show_remedy(sheet, findings.front());
    Json others = Json::array();
    for (std::size_t i = 1; i < findings.size(); ++i) others.push_back(findings[i]);
    show_list(sheet, "Also", others, kOthersShown, [](const Json& one) {
      return fmt::format("{}: {}", text_of(one, "cause"), shown(one, "summary"));
    });
  }
  show_list(sheet, "Its log says", member(report, "log"), kStoriesShown,
            [&](const Json& one) { return story_line(one, look, now); });
  show_list(sheet, "App says", member(report, "applications"), kStoriesShown,
            [&](const Json& one) { return app_line(one, now); });
  show_health(sheet, report, look);
  show_list(sheet, "Questions", member(report, "audit"), SIZE_MAX,
            [&](const Json& one) { return answer_line(one, look); });
  show_sources(sheet, report, look);
  return sheet.take();
}

}  // namespace pgkeel::app
