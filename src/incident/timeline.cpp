// Merging an incident's parts into moments, and the sentences that timeline and report share.
#include "incident/timeline.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "incident/event_words.hpp"
#include "incident/text.hpp"

namespace pgkeel::incident {
namespace {

std::string joined(std::string_view first, std::string_view second) {
  if (first.empty() || second.empty()) return fmt::format("{}{}", first, second);
  return fmt::format("{}: {}", first, second);
}

Tone tone_of(ActionOutcome outcome) {
  switch (outcome) {
    case ActionOutcome::Done:
    case ActionOutcome::Skipped: return Tone::Good;
    case ActionOutcome::Failed:
    case ActionOutcome::Interrupted: return Tone::Bad;
    case ActionOutcome::Pending:
    case ActionOutcome::Advised: return Tone::Neutral;
  }
  return Tone::Neutral;
}

Moment moment_of(const Evidence& evidence) {
  return {evidence.at, MomentKind::Seen, Tone::Neutral,
          one_line(joined(evidence.source, evidence.text))};
}

Moment moment_of(const Action& action) {
  auto text =
      fmt::format("{}: {}", joined(in_words(action.step), action.detail), outcome_in_words(action));
  if (!action.note.empty()) text += fmt::format(" ({})", action.note);
  return {action.started_at, MomentKind::Acted, tone_of(action.outcome), one_line(text)};
}

Moment moment_of(const Verification& verification) {
  auto text = fmt::format("{}: {}", in_words(verification.check),
                          verification.passed ? "passed" : "FAILED");
  if (!verification.note.empty()) text += fmt::format(" ({})", verification.note);
  return {verification.at, MomentKind::Checked, verification.passed ? Tone::Good : Tone::Bad,
          one_line(text)};
}

Moment moment_of(const Event& event) {
  if (event.text.starts_with(kClosedEvent))
    return {event.at, MomentKind::Closed, Tone::Neutral,
            one_line(std::string_view(event.text).substr(kClosedEvent.size()))};
  const bool restored = event.text.starts_with(kRestoredEvent);
  return {event.at, restored ? MomentKind::Restored : MomentKind::Noted,
          restored ? Tone::Good : Tone::Neutral, one_line(event.text)};
}

// Behind everything that happened before it or at the same time. (std::stable_sort of libstdc++ 12
// calls what C++23 deprecates.)
void add(std::vector<Moment>& moments, Moment moment) {
  moments.insert(std::ranges::upper_bound(moments, moment.at, {}, &Moment::at), std::move(moment));
}

template <class Parts>
void add_all(std::vector<Moment>& moments, const Parts& parts) {
  for (const auto& part : parts) add(moments, moment_of(part));
}

}  // namespace

std::string_view to_string(MomentKind kind) {
  switch (kind) {
    case MomentKind::Failed: return "failed";
    case MomentKind::Seen: return "seen";
    case MomentKind::Noticed: return "noticed";
    case MomentKind::Acted: return "acted";
    case MomentKind::Checked: return "checked";
    case MomentKind::Noted: return "note";
    case MomentKind::Restored: return "back";
    case MomentKind::Closed: return "closed";
  }
  return "note";
}

WallTime failed_at(const Incident& incident) {
  return incident.opened_at - incident.detected.value_or(Millis(0));
}

std::vector<Moment> moments_of(const Incident& incident) {
  std::vector<Moment> moments;
  if (incident.detected)
    add(moments, {failed_at(incident), MomentKind::Failed, Tone::Bad,
                  incident.subject + " (earliest time it can have been)"});
  add_all(moments, incident.evidence);
  add(moments,
      {incident.opened_at, MomentKind::Noticed, Tone::Neutral,
       fmt::format("{}, {:.0f} % sure", in_words(incident.cause), incident.confidence * 100)});
  add_all(moments, incident.actions);
  add_all(moments, incident.verified);
  add_all(moments, incident.events);
  const auto said = [&moments](MomentKind kind) {
    return std::ranges::find(moments, kind, &Moment::kind) != moments.end();
  };
  if (incident.recovered && !said(MomentKind::Restored))
    add(moments, {incident.opened_at + *incident.recovered, MomentKind::Restored, Tone::Good,
                  std::string(kRestoredEvent)});
  if (incident.closed_at && !said(MomentKind::Closed))
    add(moments, {*incident.closed_at, MomentKind::Closed, Tone::Neutral, "the watch ended"});
  return moments;
}

std::string relative_time(Millis since) {
  const auto sign = since < Millis(0) ? '-' : '+';
  const auto total = since < Millis(0) ? -since.count() : since.count();
  const auto tenths = [&](std::int64_t unit) {
    return static_cast<double>(total * 10 / unit) / 10;  // cut, so that 59.99 s is not 60.0 s
  };
  if (total < 1'000) return fmt::format("{}{} ms", sign, total);
  if (total < 60'000) return fmt::format("{}{:.1f} s", sign, tenths(1'000));
  if (total < 3'600'000) return fmt::format("{}{} min", sign, total / 60'000);
  if (total < 86'400'000) return fmt::format("{}{:.1f} h", sign, tenths(3'600'000));
  return fmt::format("{}{:.1f} d", sign, tenths(86'400'000));
}

std::string in_words(std::string_view name) {
  std::string words(name);
  std::ranges::replace(words, '_', ' ');
  return words;
}

std::string outcome_in_words(const Action& action) {
  const auto took = action.ended_at
                        ? std::chrono::duration_cast<Millis>(*action.ended_at - action.started_at)
                        : Millis(0);
  switch (action.outcome) {
    case ActionOutcome::Pending: return "begun, end not known";
    case ActionOutcome::Done: return "done in " + humane_duration(took);
    case ActionOutcome::Failed: return "FAILED after " + humane_duration(took);
    case ActionOutcome::Skipped: return "nothing to do";
    case ActionOutcome::Interrupted: return "cut short, the guard ended";
    case ActionOutcome::Advised: return "not done, only advised";
  }
  return "";
}

bool lost_something(const Incident& incident) {
  return !incident.loss.empty() || incident.rows_lost.value_or(0) > 0;
}

std::string loss_in_words(const Incident& incident) {
  if (lost_something(incident)) {
    std::string text = "DATA LOSS: ";
    for (const auto& line : incident.loss)
      text += (text.ends_with(": ") ? "" : "; ") + one_line(line);
    if (const auto rows = incident.rows_lost.value_or(0); rows > 0)
      text +=
          fmt::format("{}{} row{}", incident.loss.empty() ? "" : "; ", rows, rows == 1 ? "" : "s");
    return text + ".";
  }
  if (incident.rows_lost) return "No row was lost.";
  return incident.state == IncidentState::Closed ? "No loss was found."
                                                 : "Whether anything was lost is not known yet.";
}

std::string speed_in_words(const Incident& incident) {
  auto text = incident.detected
                  ? fmt::format("Noticed {} after the failure", humane_duration(*incident.detected))
                  : std::string("When it failed is not known");
  if (incident.recovered)
    return fmt::format("{}; service was back {} later.", text,
                       humane_duration(*incident.recovered));
  return text + "; service was not restored yet.";
}

}  // namespace pgkeel::incident
