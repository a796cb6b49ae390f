// The sections of the report, one function each, in the order in which they are read.
#include "incident/report.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "incident/text.hpp"
#include "incident/timeline.hpp"

namespace pgkeel::incident {
namespace {

// Text that came from outside must not become Markdown or HTML, nor end a table's cell.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : one_line(text)) {
    if (std::string_view("\\|<>`*_[]#").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string day_and_clock(WallTime at) {
  const auto text = to_iso8601(at);
  return fmt::format("{} {} UTC", text.substr(0, 10), text.substr(11, 8));
}

std::string percent(double confidence) { return fmt::format("{:.0f} %", confidence * 100); }

std::string plural(std::size_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

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

std::string what_happened(const Incident& incident) {
  const auto done = static_cast<std::size_t>(std::ranges::count_if(
      incident.actions, [](const Action& a) { return a.outcome == ActionOutcome::Done; }));
  return fmt::format(
      "## What happened\n\n{}{}pgkeel noticed it on {}, named the cause \"{}\" ({} sure) and "
      "completed {}. {} {} {}\n\n",
      escaped(incident.summary), incident.summary.empty() ? "" : " ",
      day_and_clock(incident.opened_at), in_words(incident.cause), percent(incident.confidence),
      plural(done, "step"), speed_in_words(incident), escaped(loss_in_words(incident)),
      state_in_words(incident.state));
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

std::string cause(const Incident& incident) {
  auto text = fmt::format("## Cause\n\n**{}** on {}, {} sure", incident.cause,
                          escaped(incident.subject), percent(incident.confidence));
  if (incident.evidence.empty()) return text + "; no evidence is on record.\n\n";
  text += fmt::format(", because of {}:\n\n", plural(incident.evidence.size(), "observation"));
  for (const auto& evidence : incident.evidence)
    text += fmt::format("- {}: {}\n", escaped(in_words(evidence.source)), escaped(evidence.text));
  return text + "\n";
}

std::string what_was_done(const Incident& incident) {
  if (incident.actions.empty()) return "## What was done\n\nNothing.\n\n";
  std::string text =
      "## What was done\n\n| step | exactly | outcome | result |\n|---|---|---|---|\n";
  for (const auto& action : incident.actions)
    text += fmt::format("| {} | {} | {} | {} |\n", escaped(in_words(action.step)),
                        escaped(action.detail), outcome_in_words(action), escaped(action.note));
  return text + "\n";
}

std::string verification(const Incident& incident) {
  if (incident.verified.empty()) return "## Verification\n\nNo check was made.\n\n";
  std::string text = "## Verification\n\n";
  for (const auto& check : incident.verified)
    text += fmt::format("- {}: {}{}\n", escaped(in_words(check.check)),
                        check.passed ? "passed" : "**FAILED**",
                        check.note.empty() ? "" : " (" + escaped(check.note) + ")");
  return text + "\n";
}

std::string what_was_lost(const Incident& incident) {
  std::string text = "## What was lost\n\n";
  if (!lost_something(incident)) return text + loss_in_words(incident) + "\n\n";
  for (const auto& line : incident.loss) text += fmt::format("- **{}**\n", escaped(line));
  if (incident.rows_lost) text += fmt::format("- rows lost: **{}**\n", *incident.rows_lost);
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
  for (const auto& check : incident.verified)
    if (!check.passed)
      tasks.push_back(
          fmt::format("Look into the failed check \"{}\".", escaped(in_words(check.check))));
}

std::string what_to_do(const Incident& incident) {
  std::vector<std::string> tasks;
  if (incident.state == IncidentState::Waiting)
    tasks.emplace_back("**pgkeel waits for you:** see `pgkeel status` for what it needs.");
  else if (incident.state != IncidentState::Closed)
    tasks.emplace_back("The incident is not over: make this report again when it is closed.");
  if (lost_something(incident))
    tasks.emplace_back(
        "Tell those who own the data what was lost, and bring it back from a backup "
        "or its source.");
  add_open_ends(tasks, incident);
  if (const auto advice = advice_for(incident.cause); !advice.empty()) tasks.emplace_back(advice);
  tasks.emplace_back("Check that the newest backup is younger than 24 hours and that it restores.");
  tasks.emplace_back(
      "Check free disk space, connections in use and slow queries against what they "
      "were before.");
  std::string text = "## What to do next\n\n";
  for (const auto& task : tasks) text += fmt::format("- [ ] {}\n", task);
  return text + "\n";
}

}  // namespace

std::string markdown_report(const Incident& incident) {
  return heading(incident) + what_happened(incident) + timeline(incident) + cause(incident) +
         what_was_done(incident) + verification(incident) + what_was_lost(incident) +
         what_to_do(incident) +
         "## Root cause\n\nTo be filled in by a person: why could it happen, and what keeps it "
         "from "
         "happening again?\n";
}

}  // namespace pgkeel::incident
