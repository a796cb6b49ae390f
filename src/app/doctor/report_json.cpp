// The report as data: everything the screen shows, and the rest of the evidence.
#include <algorithm>

#include <fmt/format.h>

#include "app/doctor/report.hpp"
#include "incident/redact.hpp"
#include "recover/remedy.hpp"

namespace pgkeel::app {
namespace {

Json time_json(const std::optional<WallTime>& time) {
  return time ? Json(to_iso8601(*time)) : Json(nullptr);
}

std::string would_do(const diagnose::Finding& finding, const recover::Remedy& remedy,
                     const Examination& examination) {
  if (remedy.playbook.empty()) return "";
  if (finding.wait) return "nothing yet: it waits for more certainty";
  auto text = fmt::format("run the playbook {}", remedy.playbook);
  if (examination.policy.mode == recover::Mode::Advise) return "only advise: " + text;
  return examination.guard_runs ? text : text + ", if a guard ran ('pgkeel guard')";
}

std::string for_a_human(const diagnose::Finding& finding, const recover::Remedy& remedy) {
  if (!finding.hint.empty()) return finding.hint;
  return std::string(remedy.waits_for);
}

Json finding_json(const diagnose::Finding& finding, const Examination& examination) {
  const auto remedy = recover::remedy_for(finding, examination.seen, examination.policy);
  const auto& info = diagnose::cause_info(finding.cause);
  Json evidence = Json::array();
  for (const auto& one : finding.evidence)
    evidence.push_back(
        {{"source", one.source}, {"at", to_iso8601(one.at)}, {"text", incident::redact(one.text)}});
  Json others = Json::array();
  for (const auto& other : finding.alternatives)
    others.push_back({{"what", other.what}, {"tells", other.tells}});
  return {{"cause", info.name},
          {"subject", finding.subject},
          {"severity", to_string(finding.severity.value_or(info.severity))},
          {"confidence", finding.confidence},
          {"summary", incident::redact(finding.summary)},
          {"evidence", std::move(evidence)},
          {"alternatives", std::move(others)},
          {"would_do", would_do(finding, remedy, examination)},
          {"human", incident::redact(for_a_human(finding, remedy))}};
}

Json story_json(const diagnose::LogStory& story) {
  const auto* meaning = diagnose::meaning_of(story.signature);
  Json along = Json::object();
  for (const auto& [signature, times] : story.brought_along)
    along[std::string(pg::to_string(signature))] = times;
  return {{"signature", pg::to_string(story.signature)},
          {"severity", to_string(meaning->severity)},
          {"times", story.times},
          {"first_at", time_json(story.first)},
          {"last_at", time_json(story.last)},
          {"text", incident::redact(story.text)},
          {"sentence", meaning->sentence},
          {"advice", meaning->advice},
          {"brought_along", std::move(along)}};
}

// Behind these stand statements and the users' values.
std::string without_statement(const std::string& text) {
  auto end = text.size();
  for (const auto* mark : {"[SQL:", "[parameters:", "DETAIL:", "detail:", "STATEMENT:", "query:"})
    end = std::min(end, text.find(mark));
  return text.substr(0, end);
}

Json app_story_json(const diagnose::AppStory& story) {
  return {{"file", story.path},
          {"trouble", to_string(story.trouble)},
          {"times", story.times},
          {"first_at", time_json(story.first)},
          {"last_at", time_json(story.last)},
          {"text", incident::redact(without_statement(story.text))},
          {"sentence", story.sentence},
          {"incident", story.incident.empty() ? Json(nullptr) : Json(story.incident)}};
}

std::string well_words(const Examination& examination) {
  const auto& login = examination.seen.login;
  if (!login.ok()) return "The database does not answer, and no cause was found.";
  if (login.postmaster_started <= WallTime{}) return "The database is up; nothing is wrong now.";
  const auto up = std::chrono::duration_cast<Millis>(examination.wall - login.postmaster_started);
  const auto graver = [](const diagnose::HealthLine& line) {
    return line.severity > incident::Severity::Info;
  };
  const auto warnings = std::ranges::count_if(examination.health.lines, graver);
  return fmt::format("The database is up for {}; {}.", humane_duration(up),
                     warnings == 0 ? std::string("nothing is wrong now")
                                   : fmt::format("its health has {} warning{}", warnings,
                                                 warnings == 1 ? "" : "s"));
}

// What the guard still has open although this look found nothing.
const incident::Incident* open_incident(const Examination& examination) {
  const auto& incidents = examination.history.incidents;
  const auto is_open = [](const incident::Incident& one) {
    return one.state != incident::IncidentState::Closed &&
           one.state != incident::IncidentState::Watching;
  };
  const auto found = std::ranges::find_if(incidents, is_open);
  return found == incidents.end() ? nullptr : &*found;
}

Json verdict_json(const Examination& examination) {
  const auto severity = to_string(severity_of(examination));
  if (const auto* open = open_incident(examination); open && examination.findings.empty())
    return {{"cause", open->cause},
            {"severity", to_string(open->severity)},
            {"confidence", open->confidence},
            {"text", fmt::format("The guard's incident {} is open: {}", open->id,
                                 incident::redact(open->summary))}};
  if (examination.findings.empty()) {
    const bool up = examination.seen.login.ok();
    return {{"cause", nullptr},
            {"severity", up ? severity : to_string(incident::Severity::Critical)},
            {"confidence", up ? 1.0 : 0.0},
            {"text", well_words(examination)}};
  }
  const auto& first = examination.findings.front();
  return {{"cause", diagnose::cause_info(first.cause).name},
          {"severity", severity},
          {"confidence", first.confidence},
          {"text", incident::redact(first.summary)}};
}

}  // namespace

Json doctor_json(const Examination& examination) {
  Json findings = Json::array();
  for (const auto& finding : examination.findings)
    findings.push_back(finding_json(finding, examination));
  Json excluded = Json::array();
  for (const auto& one : examination.excluded)
    excluded.push_back({{"cause", diagnose::cause_info(one.cause).name}, {"because", one.because}});
  Json stories = Json::array();
  for (const auto& story : examination.stories) stories.push_back(story_json(story));
  Json applications = Json::array();
  for (const auto& story : examination.app_stories) applications.push_back(app_story_json(story));
  Json answers = Json::array();
  for (const auto& answer : examination.answers)
    answers.push_back({{"name", answer.name},
                       {"question", answer.question},
                       {"kind", to_string(answer.kind)},
                       {"answer", incident::redact(answer.text)}});
  Json sources = Json::array();
  for (const auto& source : examination.sources)
    sources.push_back(
        {{"name", source.name}, {"unavailable", incident::redact(source.unavailable)}});
  return {{"at", to_iso8601(examination.wall)},
          {"instance", examination.instance},
          {"guard_runs", examination.guard_runs},
          {"verdict", verdict_json(examination)},
          {"findings", std::move(findings)},
          {"excluded", std::move(excluded)},
          {"log", std::move(stories)},
          {"applications", std::move(applications)},
          {"audit", std::move(answers)},
          {"health", health_json(examination.health)},
          {"sources", std::move(sources)}};
}

}  // namespace pgkeel::app
