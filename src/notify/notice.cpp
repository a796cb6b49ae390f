// See notice.hpp.
#include "notify/notice.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "incident/redact.hpp"
#include "incident/text.hpp"

namespace pgkeel::notify {
namespace {

using Json = nlohmann::ordered_json;
using incident::Severity;

// A summary is a sentence; a longer one is a server's message, which the report has whole.
constexpr std::size_t kTextBytesMax = 1000;
constexpr std::size_t kLossesMax = 10;
constexpr Seconds kLate{60};  // delivered so much after the fact, the message says when it was

constexpr auto kReasons = std::to_array<std::pair<Reason, std::string_view>>({
    {Reason::Opened, "opened"},
    {Reason::Worse, "worse"},
    {Reason::Waiting, "waiting"},
    {Reason::Escalated, "escalated"},
    {Reason::Reminder, "reminder"},
    {Reason::Acknowledged, "acknowledged"},
    {Reason::Resolved, "resolved"},
    {Reason::Test, "test"},
});

std::string bounded(std::string_view text) {
  auto shown = incident::redact(incident::valid_utf8(text.substr(0, kTextBytesMax)));
  if (text.size() > kTextBytesMax) shown += " ...";
  return shown;
}

std::string clock(WallTime time) { return to_iso8601(time).substr(0, 19) + "Z"; }

std::string humane_since(WallTime from, WallTime to) {
  return humane_duration(std::chrono::duration_cast<Millis>(std::max(to - from, to - to)));
}

// The line that says why this message comes now.
std::string occasion(const Notice& notice) {
  const auto age = humane_since(notice.opened_at, notice.at);
  switch (notice.reason) {
    case Reason::Opened:
    case Reason::Test: return {};
    case Reason::Worse: return "It has become more severe.";
    case Reason::Waiting: return "The guard cannot go on by itself and needs you.";
    case Reason::Escalated: return fmt::format("Not resolved after {}.", age);
    case Reason::Reminder: return fmt::format("Reminder: not resolved for {}.", age);
    case Reason::Acknowledged:
      return fmt::format("{} looks after it; it escalates no further.", notice.acked_by);
    case Reason::Resolved: return fmt::format("Over after {}.", age);
  }
  return {};
}

std::string text_member(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<WallTime> time_member(const Json& object, const char* key) {
  const auto time = parse_iso8601(text_member(object, key));
  return time ? std::optional(*time) : std::nullopt;
}

// Only of what is not over: the rest is history.
void add_what_to_do(std::string& text, const Notice& notice, const Origin& origin) {
  if (notice.resolved() || notice.reason == Reason::Test) return;
  if (!notice.command.empty()) text += "Next: " + notice.command + "\n";
  if (notice.acked_by.empty() && is_journaled(notice.incident))
    text += fmt::format("I look after it: pgkeel incident ack {}\n", notice.incident);
  if (const auto bundle = bundle_words(notice, origin); !bundle.empty())
    text += "Evidence: " + bundle + "\n";
}

std::optional<Severity> severity_named(std::string_view name) {
  for (const auto severity : {Severity::Info, Severity::Warning, Severity::Critical})
    if (to_string(severity) == name) return severity;
  return std::nullopt;
}

std::optional<Reason> reason_named(std::string_view name) {
  const auto* found = std::ranges::find(kReasons, name, &decltype(kReasons)::value_type::second);
  return found == kReasons.end() ? std::nullopt : std::optional(found->first);
}

}  // namespace

std::string_view to_string(Reason reason) {
  return kReasons.at(static_cast<std::size_t>(reason)).second;
}

bool is_journaled(std::string_view incident) {
  return !incident.empty() && incident.front() >= '0' && incident.front() <= '9';
}

std::string bundle_words(const Notice& notice, const Origin& origin) {
  if (!is_journaled(notice.incident) || origin.evidence_dir.empty()) return {};
  return fmt::format("pgkeel incident report {0} --bundle FILE, of {1}/{0}.json", notice.incident,
                     origin.evidence_dir);
}

std::string headline(const Notice& notice) {
  const auto tag = notice.resolved()               ? std::string_view("resolved")
                   : notice.reason == Reason::Test ? std::string_view("test")
                                                   : to_string(notice.severity);
  return fmt::format("[{}] {}: {}", tag, notice.cause, notice.subject);
}

std::string text_of(const Notice& notice, const Origin& origin, WallTime now) {
  auto text = headline(notice) + "\n";
  const auto line = [&text](const std::string& words) {
    if (!words.empty()) text += words + "\n";
  };
  line(occasion(notice));
  line(notice.summary);
  line(notice.note);
  for (const auto& loss : notice.loss) line("Lost: " + loss);
  add_what_to_do(text, notice, origin);
  line(fmt::format("{} on {}", origin.instance, origin.host));
  if (!notice.incident.empty())
    line(fmt::format("Incident {}, since {}", notice.incident, clock(notice.opened_at)));
  if (now - notice.at >= kLate)
    line(fmt::format("Delivered {} late: this was at {}.", humane_since(notice.at, now),
                     clock(notice.at)));
  if (origin.dropped > 0)
    line(fmt::format("{} older messages were dropped: too many could not be delivered.",
                     origin.dropped));
  return text;
}

std::string to_json_text(const Notice& notice) {
  Json losses = Json::array();
  for (const auto& loss : notice.loss) {
    if (losses.size() == kLossesMax) break;
    losses.push_back(bounded(loss));
  }
  Json json = {{"channel", notice.channel},
               {"reason", to_string(notice.reason)},
               {"incident", notice.incident},
               {"cause", notice.cause},
               {"subject", bounded(notice.subject)},
               {"severity", to_string(notice.severity)},
               {"summary", bounded(notice.summary)},
               {"note", bounded(notice.note)},
               {"command", bounded(notice.command)},
               {"acked_by", bounded(notice.acked_by)},
               {"loss", losses},
               {"opened_at", to_iso8601(notice.opened_at)},
               {"at", to_iso8601(notice.at)}};
  if (notice.ended_at) json["ended_at"] = to_iso8601(*notice.ended_at);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Notice> notice_from_json(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorCode::Malformed, "a spooled alert is no JSON object");
  const auto reason = reason_named(text_member(json, "reason"));
  const auto severity = severity_named(text_member(json, "severity"));
  const auto opened_at = time_member(json, "opened_at");
  const auto at = time_member(json, "at");
  if (!reason || !severity || !opened_at || !at)
    return fail(ErrorCode::Malformed, "a spooled alert lacks its reason, severity or times");
  Notice notice;
  notice.channel = text_member(json, "channel");
  notice.reason = *reason;
  notice.incident = text_member(json, "incident");
  notice.cause = text_member(json, "cause");
  notice.subject = text_member(json, "subject");
  notice.severity = *severity;
  notice.summary = text_member(json, "summary");
  notice.note = text_member(json, "note");
  notice.command = text_member(json, "command");
  notice.acked_by = text_member(json, "acked_by");
  notice.opened_at = *opened_at;
  notice.ended_at = time_member(json, "ended_at");
  notice.at = *at;
  if (const auto losses = json.find("loss"); losses != json.end() && losses->is_array())
    for (const auto& loss : *losses)
      if (loss.is_string()) notice.loss.push_back(loss.get<std::string>());
  return notice;
}

Notice test_notice(std::string channel, Reason reason, WallTime now) {
  Notice notice;
  notice.channel = std::move(channel);
  notice.reason = reason;
  notice.cause = "alert_test";
  notice.subject = "instance";
  notice.severity = Severity::Info;
  notice.summary = "This is a test message of pgkeel. Nothing is wrong.";
  notice.opened_at = now;
  if (reason == Reason::Resolved) notice.ended_at = now;
  notice.at = now;
  return notice;
}

}  // namespace pgkeel::notify
