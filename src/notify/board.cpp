// See board.hpp.
#include "notify/board.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace pgkeel::notify {
namespace {

using Json = nlohmann::ordered_json;
using incident::IncidentState;
using incident::Severity;

bool is_over(IncidentState state) {
  return state == IncidentState::Watching || state == IncidentState::Closed;
}

Notice notice_of(const incident::Incident& head, Reason reason, WallTime now) {
  Notice notice;
  notice.reason = reason;
  notice.incident = head.id;
  notice.cause = head.cause;
  notice.subject = head.subject;
  notice.severity = head.severity;
  notice.summary = head.summary;
  notice.opened_at = head.opened_at;
  notice.loss = head.loss;
  notice.at = now;
  return notice;
}

// How many of the ages an incident has reached. A clock that was set back makes none younger than
// new: the first alert must not wait for it.
std::size_t ages_reached(const Audience& to, const incident::Incident& head, WallTime now) {
  const auto age = std::max(std::chrono::duration_cast<Millis>(now - head.opened_at), Millis(0));
  return static_cast<std::size_t>(
      std::ranges::count_if(to.ages, [age](Millis at) { return at <= age; }));
}

std::int64_t micros(WallTime time) { return time.time_since_epoch().count(); }

std::int64_t number_member(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

}  // namespace

void Board::take(const incident::Incident& incident, std::string_view note, WallTime now) {
  const bool known = cases_.contains(incident.id);
  const bool over = is_over(incident.state);
  if (!known && (over || cases_.size() >= kIncidentsTracked)) return;
  auto& open = cases_[incident.id];
  if (open.ended_at) return;
  open.head = incident;
  open.head.evidence.clear();
  open.head.actions.clear();
  open.head.verified.clear();
  open.head.events.clear();
  open.note = note;
  open.waiting = incident.state == IncidentState::Waiting;
  if (over) open.ended_at = incident.closed_at.value_or(now);
}

std::optional<Reason> Board::reason_now(const Case& open, const Audience& to, WallTime now) {
  const auto found = open.told.find(to.channel);
  const bool told = found != open.told.end();
  if (open.ended_at) return told ? std::optional(Reason::Resolved) : std::nullopt;
  if (open.head.severity < to.least) return std::nullopt;
  const auto reached = ages_reached(to, open.head, now);
  if (open.head.acked_at) return told ? reason_acked(open, found->second) : std::nullopt;
  if (!told) {
    if (reached == 0) return std::nullopt;
    return to.ages.front() > Millis(0) ? Reason::Escalated : Reason::Opened;
  }
  const auto& said = found->second;
  if (open.head.severity > said.severity) return Reason::Worse;
  if (open.head.severity == Severity::Info) return std::nullopt;
  if (open.waiting && !said.waiting) return Reason::Waiting;
  if (reached > said.ages) return Reason::Escalated;
  const bool again = to.repeat_every > Millis(0) && said.reminders < kRemindersMax;
  if (again && now - said.last_at >= to.repeat_every) return Reason::Reminder;
  return std::nullopt;
}

// Somebody looks after it: who was told hears by whom, and what that person must know.
std::optional<Reason> Board::reason_acked(const Case& open, const Told& said) {
  if (open.head.severity > said.severity) return Reason::Worse;
  if (open.head.severity == Severity::Info) return std::nullopt;
  if (!said.acked) return Reason::Acknowledged;
  if (open.waiting && !said.waiting) return Reason::Waiting;
  return std::nullopt;
}

void Board::mark(Case& open, const Audience& to, Reason reason, WallTime now) {
  auto& said = open.told[to.channel];
  said.ages = std::max(said.ages, ages_reached(to, open.head, now));
  said.waiting = said.waiting || open.waiting;
  said.severity = std::max(said.severity, open.head.severity);
  if (reason == Reason::Acknowledged) said.acked = true;
  said.last_at = now;
  if (reason == Reason::Reminder) ++said.reminders;
}

std::vector<Notice> Board::due(WallTime now) {
  std::vector<Notice> notices;
  for (auto& [id, open] : cases_) {
    for (const auto& to : audience_) {
      const auto reason = reason_now(open, to, now);
      if (!reason) continue;
      // Somebody who hears of it late hears at once that a human is needed.
      const bool waits =
          open.waiting && *reason == Reason::Opened && open.head.severity > Severity::Info;
      auto notice = notice_of(open.head, waits ? Reason::Waiting : *reason, now);
      notice.channel = to.channel;
      notice.note = open.note;
      notice.command = next_command(open.head, open.note);
      notice.acked_by = open.head.acked_by;
      notice.ended_at = open.ended_at;
      notices.push_back(std::move(notice));
      mark(open, to, *reason, now);
    }
  }
  forget_over();
  return notices;
}

void Board::forget_over() {
  std::erase_if(cases_, [](const auto& item) { return item.second.ended_at.has_value(); });
}

std::optional<WallTime> Board::next_for(const Case& open, const Audience& to) {
  if (open.ended_at || open.head.acked_at || open.head.severity < to.least) return std::nullopt;
  const auto found = open.told.find(to.channel);
  const std::size_t ages = found == open.told.end() ? 0 : found->second.ages;
  std::optional<WallTime> next;
  if (ages < to.ages.size()) next = open.head.opened_at + to.ages[ages];
  if (found == open.told.end() || to.repeat_every <= Millis(0)) return next;
  if (open.head.severity == Severity::Info) return std::nullopt;
  if (found->second.reminders >= kRemindersMax) return next;
  const auto reminder = found->second.last_at + to.repeat_every;
  return next ? std::min(*next, reminder) : reminder;
}

std::optional<WallTime> Board::next_due() const {
  std::optional<WallTime> earliest;
  for (const auto& [id, open] : cases_) {
    for (const auto& to : audience_) {
      const auto next = next_for(open, to);
      if (next && (!earliest || *next < *earliest)) earliest = next;
    }
  }
  return earliest;
}

std::string Board::said(const std::string& incident) const {
  const auto found = cases_.find(incident);
  if (found == cases_.end() || found->second.told.empty()) return {};
  Json json = Json::object();
  for (const auto& [channel, told] : found->second.told)
    json[channel] = {{"ages", told.ages},
                     {"reminders", told.reminders},
                     {"waiting", told.waiting},
                     {"acked", told.acked},
                     {"severity", static_cast<int>(told.severity)},
                     {"last_at", micros(told.last_at)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void Board::remember(const std::string& incident, std::string_view said) {
  const auto json = Json::parse(said, nullptr, false);
  if (!json.is_object() || cases_.size() >= kIncidentsTracked) return;
  auto& open = cases_[incident];
  open.head.id = incident;
  for (const auto& [channel, item] : json.items()) {
    if (!item.is_object()) continue;
    Told told;
    told.ages =
        static_cast<std::size_t>(std::clamp<std::int64_t>(number_member(item, "ages"), 0, 1000));
    told.reminders = static_cast<int>(
        std::clamp<std::int64_t>(number_member(item, "reminders"), 0, kRemindersMax));
    told.waiting = item.value("waiting", Json()) == Json(true);
    told.acked = item.value("acked", Json()) == Json(true);
    told.severity =
        static_cast<Severity>(std::clamp<std::int64_t>(number_member(item, "severity"), 0, 2));
    told.last_at = WallTime(std::chrono::microseconds(number_member(item, "last_at")));
    open.told[channel] = told;
  }
}

std::vector<std::string> Board::incidents() const {
  std::vector<std::string> ids;
  for (const auto& [id, open] : cases_) ids.push_back(id);
  return ids;
}

}  // namespace pgkeel::notify
