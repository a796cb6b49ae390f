// See alerts.hpp.
#include "notify/alerts.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.hpp"

namespace pgkeel::notify {
namespace {

using incident::AlertWorth;
using incident::Incident;
using incident::Severity;
using incident::SpooledAlert;
using runtime::Task;

// The wall clock may be set; it is looked at again so often.
constexpr Millis kLookEvery{60'000};
constexpr Millis kSpoolAgainEvery{5'000};  // after the disk refused

AlertWorth worth_of(const Notice& notice) {
  if (notice.resolved()) return AlertWorth::Over;
  if (notice.severity == Severity::Info) return AlertWorth::Information;
  return notice.reason == Reason::Reminder ? AlertWorth::Reminder : AlertWorth::Call;
}

SpooledAlert spooled(const Notice& notice) {
  SpooledAlert message;
  message.channel = notice.channel;
  message.worth = worth_of(notice);
  message.at = notice.at;
  message.content = to_json_text(notice);
  return message;
}

void write_to_log(const Notice& notice) {
  log_warning("alert", {{"reason", to_string(notice.reason)},
                        {"severity", to_string(notice.severity)},
                        {"incident", notice.incident},
                        {"cause", notice.cause},
                        {"subject", notice.subject},
                        {"summary", notice.summary}});
}

}  // namespace

std::vector<Audience> audience_of(const AlertsOptions& options) {
  std::map<std::string, std::vector<Millis>> ages;
  for (const auto& [age, names] : options.escalate)
    for (const auto& name : names) ages[name].push_back(age);
  std::vector<Audience> audience;
  for (const auto& channel : options.channels) {
    if (channel.kind == kDeadmanKind) continue;
    Audience to{channel.name, channel.least, {Millis(0)}, channel.repeat_every};
    if (const auto named = ages.find(channel.name); named != ages.end()) to.ages = named->second;
    audience.push_back(std::move(to));
  }
  if (const auto log = ages.find(std::string(kLogChannel)); log != ages.end())
    audience.push_back({std::string(kLogChannel), Severity::Info, log->second, Millis(0)});
  return audience;
}

Alerts::Alerts(runtime::Loop& loop, incident::Store& store, incident::Journal& journal,
               AlertsOptions options)
    : loop_(loop),
      store_(store),
      journal_(journal),
      board_(audience_of(options)),
      client_(loop),
      news_(loop),
      tasks_(loop) {
  for (const auto& channel : options.channels) {
    if (channel.kind != kDeadmanKind) {
      senders_.push_back(std::make_unique<Sender>(loop, store_, client_, channel, options.origin));
      continue;
    }
    const auto objection = [this, asked = options.objection] {
      auto why = trouble();
      return why.empty() && asked ? asked() : why;
    };
    deadmen_.push_back(std::make_unique<Deadman>(loop, client_, channel, objection));
  }
}

Alerts::~Alerts() = default;

Result<void> Alerts::resume() {
  std::vector<std::string> channels;
  for (const auto& sender : senders_) channels.push_back(sender->name());
  TRY(gone, store_.keep_only(channels));
  if (gone > 0)
    log_warning("spooled alerts dropped: their channel is configured no more", {{"count", gone}});
  TRY(said, store_.said());
  for (const auto& [incident, state] : said) board_.remember(incident, state);
  for (const auto& id : board_.incidents()) take_from_journal(id);
  TRY(unfinished, journal_.unfinished());
  for (const auto& incident : unfinished)
    board_.take(incident, incident.events.empty() ? "" : incident.events.back().text, wall_now());
  return {};
}

// An incident that ended while nobody could say so, or whose record is lost, is over.
void Alerts::take_from_journal(const std::string& id) {
  auto incident = journal_.load(id);
  if (incident) {
    board_.take(*incident, incident->events.empty() ? "" : incident->events.back().text,
                wall_now());
    return;
  }
  Incident lost;
  lost.id = id;
  lost.cause = "unknown";
  lost.subject = "instance";
  lost.summary = "The record of this incident is lost.";
  lost.opened_at = wall_now();
  lost.state = incident::IncidentState::Closed;
  board_.take(lost, incident.error().message(), wall_now());
}

void Alerts::start() {
  tasks_.spawn(pump());
  for (const auto& sender : senders_) tasks_.spawn(sender->run());
  for (const auto& deadman : deadmen_) tasks_.spawn(deadman->run());
}

void Alerts::incident_changed(const Incident& incident, std::string_view note) {
  board_.take(incident, note, wall_now());
  news_.notify_all();
}

Task<void> Alerts::pump() {
  while (true) {
    say_what_is_due();
    const auto next = board_.next_due();
    auto deadline = spool_failure_.empty() ? runtime::kNever : loop_.after(kSpoolAgainEvery);
    if (next) {
      const auto left = std::chrono::ceil<Millis>(*next - wall_now());
      deadline = std::min(deadline, loop_.after(std::clamp(left, Millis(1), kLookEvery)));
    }
    static_cast<void>(co_await news_.wait_until(deadline));
  }
}

void Alerts::say_what_is_due() {
  const auto before = board_.incidents();
  const auto notices = board_.due(wall_now());
  const auto after = board_.incidents();
  for (const auto& id : before)
    if (std::ranges::find(after, id) == after.end()) over_.push_back(id);
  if (!notices.empty() || !over_.empty() || !spool_failure_.empty()) spool(notices);
}

void Alerts::spool(const std::vector<Notice>& notices) {
  incident::AlertWrite change;
  change.over = over_;
  for (const auto& notice : notices) {
    if (notice.channel == kLogChannel) write_to_log(notice);
    else change.messages.push_back(spooled(notice));
  }
  for (const auto& id : board_.incidents())
    if (auto said = board_.said(id); !said.empty()) change.said[id] = std::move(said);
  const auto written = store_.write(change);
  spool_failure_ = written ? "" : written.error().message();
  if (written) {
    over_.clear();
    if (*written > 0)
      log_error("alert spool full; the least and oldest messages were dropped",
                {{"count", *written}});
  } else if (!notices.empty()) {
    log_error("alerts not spooled; they are sent from memory", {{"why", spool_failure_}});
    for (auto& message : change.messages)
      if (auto* sender = sender_of(message.channel)) sender->hold(std::move(message));
  }
  for (const auto& sender : senders_) sender->poke();
}

Sender* Alerts::sender_of(std::string_view channel) {
  for (const auto& sender : senders_)
    if (sender->name() == channel) return sender.get();
  return nullptr;
}

std::vector<ChannelStatus> Alerts::status() const {
  std::vector<ChannelStatus> all;
  for (const auto& sender : senders_) all.push_back(sender->status());
  for (const auto& deadman : deadmen_) {
    ChannelStatus status;
    status.name = deadman->name();
    status.kind = kDeadmanKind;
    status.delivered = deadman->pings();
    status.last_failure = deadman->last_failure();
    all.push_back(std::move(status));
  }
  return all;
}

std::string Alerts::trouble() const {
  if (!spool_failure_.empty()) return "alerts cannot be spooled: " + spool_failure_;
  for (const auto& sender : senders_)
    if (sender->failing()) return "alerts cannot be delivered to " + sender->name();
  return {};
}

}  // namespace pgkeel::notify
