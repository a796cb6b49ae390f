// The sections of the report, one function each, in the order in which they are read.
#include "incident/report.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "incident/event_words.hpp"
#include "incident/prevention.hpp"
#include "incident/report_text.hpp"
#include "incident/timeline.hpp"

namespace pgkeel::incident {
namespace {

std::string percent(double confidence) { return fmt::format("{:.0f} %", confidence * 100); }

std::string heading(const Incident& incident) {
  auto text = fmt::format("# Incident {}: {}, {}\n\n", incident.id, in_words(incident.cause),
                          escaped(incident.subject));
  if (lost_something(incident))
    text += fmt::format("> **{}**\n\n", escaped(loss_in_words(incident)));
  return text;
}

std::string_view state_in_words(IncidentState state) {
  switch (state) {
    case IncidentState::Open: return "Nothing has been done yet.";
    case IncidentState::Recovering: return "The recovery is still running.";
    case IncidentState::Waiting: return "pgkeel has stopped and waits for a person.";
    case IncidentState::Verifying: return "Service is back and is being checked.";
    case IncidentState::Watching: return "All checks passed; pgkeel still watches for a relapse.";
    case IncidentState::Closed: return "The incident is closed.";
  }
  return "";
}

std::size_t steps_done(const Incident& incident) {
  return static_cast<std::size_t>(
      std::ranges::count(incident.actions, ActionOutcome::Done, &Action::outcome));
}

std::string summary(const Incident& incident) {
  return fmt::format(
      "## Summary\n\n{}{}pgkeel noticed it on {}, named the cause \"{}\" ({} sure) and completed "
      "{}. {} {} {}\n\n",
      escaped(incident.summary), incident.summary.empty() ? "" : " ",
      day_and_clock(incident.opened_at), in_words(incident.cause), percent(incident.confidence),
      plural(steps_done(incident), "step"), speed_in_words(incident),
      escaped(loss_in_words(incident)), state_in_words(incident.state));
}

std::string down_for(const Incident& incident) {
  if (!interrupted_clients(incident)) return "not down: clients were not interrupted";
  if (!incident.recovered) return "not over yet, or nobody saw the end";
  if (!incident.detected) return fmt::format("at least {}", humane_duration(*incident.recovered));
  return fmt::format("{} at most", humane_duration(*incident.detected + *incident.recovered));
}

// What was acknowledged to clients and may not have come back.
std::string commits_at_risk(const Incident& incident) {
  for (const auto& event : incident.events)
    if (event.text.starts_with(kProtectedEvent))
      return escaped(after(event.text, std::string(kProtectedEvent) + "; "));
  for (const auto& loss : incident.loss)
    if (loss.starts_with("what was written")) return escaped(loss);
  if (lost_something(incident)) return "see \"What was lost\"";
  return incident.state == IncidentState::Closed ? "none known" : "not known yet";
}

std::string impact(const Incident& incident) {
  std::string text = "## Impact\n\n| | |\n|---|---|\n";
  const auto row = [&text](std::string_view what, std::string_view figure) {
    text += fmt::format("| {} | {} |\n", what, figure);
  };
  row("failed", incident.detected ? day_and_clock(failed_at(incident)) + " at the earliest"
                                  : std::string("not known when"));
  row("detected in", incident.detected ? humane_duration(*incident.detected) : "not known");
  row("down for", down_for(incident));
  row("recovered after", incident.recovered
                             ? humane_duration(*incident.recovered) + " from the detection"
                             : std::string("not recovered yet"));
  row("rows lost",
      incident.rows_lost ? std::to_string(*incident.rows_lost) : std::string("not known"));
  row("commits at risk", commits_at_risk(incident));
  row("client errors", "not counted: pgkeel stood beside the connections, not between them");
  if (incident.acked_at)
    row("looked after by",
        fmt::format("{}, since {}", escaped(incident.acked_by), day_and_clock(*incident.acked_at)));
  return text + "\n";
}

std::string timeline(const Incident& incident) {
  std::string text =
      "## Timeline\n\nTimes are UTC; the second column counts from the failure.\n\n"
      "| time | since | what | |\n|---|---:|---|---|\n";
  const auto origin = failed_at(incident);
  for (const auto& moment : moments_of(incident)) {
    const auto time = to_iso8601(moment.at);
    text += fmt::format("| {} {} | {} | {} | {} |\n", time.substr(0, 10), time.substr(11, 12),
                        relative_time(std::chrono::floor<Millis>(moment.at - origin)),
                        to_string(moment.kind), escaped(moment.text));
  }
  return text + "\n";
}

// The last word on each cause that was thought of; what it turned out to be is not excluded.
std::string thought_of(const Incident& incident, std::string_view kind, std::string_view title) {
  std::vector<std::string_view> said;
  for (const auto& event : incident.events) {
    if (!event.text.starts_with(kind)) continue;
    const auto words = after(event.text, kind);
    const auto name = words.substr(0, words.find_first_of(",;"));
    if (name == incident.cause) continue;
    std::erase_if(said, [name](std::string_view old) { return old.starts_with(name); });
    said.push_back(words);
  }
  if (said.empty()) return {};
  auto text = fmt::format("{}\n\n", title);
  for (const auto words : said) text += fmt::format("- {}\n", escaped(words));
  return text + "\n";
}

std::string cause(const Incident& incident) {
  auto text = fmt::format("## Cause\n\n**{}** on {}, {} sure", in_words(incident.cause),
                          escaped(incident.subject), percent(incident.confidence));
  if (incident.evidence.empty()) text += "; no evidence is on record.\n\n";
  else {
    text += fmt::format(", because of {}:\n\n", plural(incident.evidence.size(), "observation"));
    for (const auto& evidence : incident.evidence)
      text += fmt::format("- {}: {}\n", escaped(in_words(evidence.source)), escaped(evidence.text));
    text += "\n";
  }
  return text + thought_of(incident, kExcludedEvent, "What it was not:") +
         thought_of(incident, kAlternativeEvent, "What it could also have been:");
}

bool only_advised(const Incident& incident) {
  return std::ranges::any_of(incident.actions,
                             [](const Action& a) { return a.outcome == ActionOutcome::Advised; });
}

// What the other mode would have made of it.
std::string other_mode(const Incident& incident) {
  if (only_advised(incident))
    return "`mode = \"advise\"`: these steps were shown and not done. With `mode = \"act\"` pgkeel "
           "would have done them in this order.\n\n";
  return "With `mode = \"advise\"` pgkeel would have shown these steps, done none of them and "
         "waited for a person.\n\n";
}

std::string what_was_done(const Incident& incident) {
  if (incident.actions.empty())
    return "## What was done\n\nNothing: pgkeel has no safe step for this and told a person "
           "instead. `mode = \"advise\"` would have said the same.\n\n";
  std::string text =
      "## What was done\n\n| # | step | exactly | outcome | result |\n|---:|---|---|---|---|\n";
  int number = 0;
  for (const auto& action : incident.actions)
    text += fmt::format("| {} | {} | {} | {} | {} |\n", ++number, escaped(in_words(action.step)),
                        escaped(action.detail), outcome_in_words(action), escaped(action.note));
  return text + "\n" + other_mode(incident);
}

std::string verification(const Incident& incident) {
  std::string text = "## What verified it\n\n";
  const auto watch = watch_in_words(incident);
  if (incident.verified.empty()) text += "No check was made.\n\n";
  else {
    text += "| time | check | result | note |\n|---|---|---|---|\n";
    for (const auto& check : incident.verified)
      text += fmt::format("| {} | {} | {} | {} |\n", to_iso8601(check.at).substr(11, 12),
                          escaped(in_words(check.check)), check.passed ? "passed" : "**FAILED**",
                          escaped(check.note));
    text += "\n";
  }
  return watch.empty() ? text : text + watch + "\n\n";
}

std::string what_was_lost(const Incident& incident) {
  std::string text = "## What was lost\n\n";
  if (!lost_something(incident)) return text + loss_in_words(incident) + "\n\n";
  for (const auto& line : incident.loss) text += fmt::format("- **{}**\n", escaped(line));
  if (incident.rows_lost) text += fmt::format("- rows lost: **{}**\n", *incident.rows_lost);
  return text + "\n";
}

std::string prevention(const Incident& incident) {
  const auto* row = prevention_of(incident.cause);
  return fmt::format(
      "## What would have prevented it\n\n{}\n\n",
      row == nullptr ? "Nothing is written down for this cause yet." : row->prevented);
}

std::string_view result_in_words(CheckResult result) {
  switch (result) {
    case CheckResult::Passed: return "yes";
    case CheckResult::Gap: return "**no**";
    case CheckResult::NotKnown: return "not known";
  }
  return "";
}

std::string standing_now(const std::vector<StandingCheck>& standing) {
  if (standing.empty()) return {};
  std::string text =
      "## How things stand since\n\nLooked at when this report was made.\n\n"
      "| check | | |\n|---|---|---|\n";
  for (const auto& check : standing)
    text += fmt::format("| {} | {} | {} |\n", check.check, result_in_words(check.result),
                        escaped(check.note));
  return text + "\n";
}

void add_open_ends(std::vector<std::string>& tasks, const Incident& incident) {
  for (const auto& action : incident.actions) {
    const auto step =
        fmt::format("\"{}\" ({})", escaped(in_words(action.step)), escaped(action.detail));
    if (action.outcome == ActionOutcome::Advised)
      tasks.push_back(fmt::format("Do what pgkeel only advised: {}.", step));
    else if (action.outcome == ActionOutcome::Pending ||
             action.outcome == ActionOutcome::Interrupted)
      tasks.push_back(fmt::format("Look whether the step {} took effect.", step));
  }
  for (const auto& check : incident.verified) {
    const auto held_later = std::ranges::any_of(incident.verified, [&](const auto& other) {
      return other.check == check.check && other.passed && other.at >= check.at;
    });
    if (!check.passed && !held_later)
      tasks.push_back(
          fmt::format("Look into the failed check \"{}\".", escaped(in_words(check.check))));
  }
}

void add_lines(std::vector<std::string>& tasks, std::string_view lines) {
  while (!lines.empty()) {
    const auto end = std::min(lines.find('\n'), lines.size());
    tasks.emplace_back(lines.substr(0, end));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
}

std::string follow_ups(const Incident& incident, const std::vector<StandingCheck>& standing) {
  std::vector<std::string> tasks;
  if (incident.state == IncidentState::Waiting)
    tasks.push_back(
        fmt::format("**pgkeel waits for you:** begin with `{}`; `pgkeel incident ack "
                    "{}` stops the calls.",
                    first_command(incident), incident.id));
  else if (incident.state != IncidentState::Closed)
    tasks.emplace_back("The incident is not over: make this report again when it is closed.");
  if (lost_something(incident))
    tasks.emplace_back(
        "Tell those who own the data what was lost, and bring it back from a backup "
        "or its source.");
  add_open_ends(tasks, incident);
  if (const auto* row = prevention_of(incident.cause)) add_lines(tasks, row->follow_up);
  for (const auto& check : standing)
    if (check.result == CheckResult::Gap && !check.task.empty()) tasks.push_back(check.task);
  if (standing.empty())
    tasks.emplace_back(
        "Check that the newest backup is younger than 24 hours and that it restores.");
  tasks.emplace_back(
      "Check free disk space, connections in use and slow queries against what they "
      "were before.");
  tasks.emplace_back("Write down why it could happen, and close this list with the team.");
  std::string text = "## Follow-ups\n\n";
  for (const auto& task : tasks) text += fmt::format("- [ ] {}\n", task);
  return text;
}

}  // namespace

std::string markdown_report(const Incident& incident, const std::vector<StandingCheck>& standing) {
  return heading(incident) + summary(incident) + impact(incident) + timeline(incident) +
         cause(incident) + what_was_done(incident) + verification(incident) +
         what_was_lost(incident) + prevention(incident) + standing_now(standing) +
         follow_ups(incident, standing);
}

}  // namespace pgkeel::incident
