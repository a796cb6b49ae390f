// See standing.hpp: one function a check.
#include "app/standing.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "notify/channel.hpp"

namespace pgkeel::app {
namespace {

using incident::CheckResult;
using incident::StandingCheck;

constexpr Millis kBackupAgeMax{86'400'000};  // a day: what the report's reader has in mind
constexpr int kDrillsMissed = 2;             // one may be under way

StandingCheck passed(std::string_view check, std::string note) {
  return {std::string(check), CheckResult::Passed, std::move(note), {}};
}
StandingCheck gap(std::string_view check, std::string note, std::string task) {
  return {std::string(check), CheckResult::Gap, std::move(note), std::move(task)};
}
StandingCheck unknown(std::string_view check, std::string note) {
  return {std::string(check), CheckResult::NotKnown, std::move(note), {}};
}

std::string ago(WallTime then, WallTime now) {
  return humane_duration(std::chrono::duration_cast<Millis>(std::max(now - then, now - now))) +
         " ago";
}

StandingCheck backup_age(const Config& config, const Json& status, WallTime now) {
  constexpr std::string_view kCheck = "newest backup younger than 24 h";
  if (!config.archive.configured()) return gap(kCheck, "there is no archive", {});
  if (status.is_null()) return unknown(kCheck, "no guard answers");
  const auto last = time_of(member(status, "archive"), "last_backup_at");
  constexpr auto kTask = "Make a backup: `pgkeel backup now`.";
  if (!last) return gap(kCheck, "none is known", kTask);
  if (now - *last > kBackupAgeMax) return gap(kCheck, "made " + ago(*last, now), kTask);
  return passed(kCheck, "made " + ago(*last, now));
}

StandingCheck proof(const Config& config, const Json& status, WallTime now) {
  constexpr std::string_view kCheck = "a restore was proven lately";
  if (!config.archive.configured()) return gap(kCheck, "there is no archive", {});
  if (status.is_null()) return unknown(kCheck, "no guard answers");
  const auto last = time_of(member(status, "archive"), "last_proof_at");
  constexpr auto kTask = "Prove that the newest backup restores: `pgkeel backup drill`.";
  if (!last) return gap(kCheck, "no backup has been restored to prove it", kTask);
  const auto most = std::max(config.archive.drill_every, kBackupAgeMax) * kDrillsMissed;
  if (now - *last > most) return gap(kCheck, "last proven " + ago(*last, now), kTask);
  return passed(kCheck, "last proven " + ago(*last, now));
}

StandingCheck archive(const Config& config, const Json& status) {
  constexpr std::string_view kCheck = "archive takes the WAL";
  if (!config.archive.configured())
    return gap(kCheck, "none is configured: what is lost stays lost",
               "Set up an archive (`archive.store`).");
  if (status.is_null()) return unknown(kCheck, "no guard answers");
  const auto& now = member(status, "archive");
  if (flag_of(now, "ok")) return passed(kCheck, text_of(now, "note"));
  return gap(kCheck, text_of(now, "note"), "Bring the archive back (`pgkeel status`).");
}

StandingCheck offsite(const Config& config) {
  constexpr std::string_view kCheck = "copy off the site";
  if (!config.archive.offsite.where.empty()) return passed(kCheck, config.archive.offsite.where);
  return gap(kCheck, "none: the host and its archive can be lost together",
             "Set up `archive.offsite`.");
}

bool calls_people(const AlertConfig& alert) { return alert.kind != notify::kDeadmanKind; }

std::string failing_channels(const Json& status) {
  std::string names;
  const auto& channels = member(status, "alert_channels");
  if (!channels.is_array()) return names;
  for (const auto& channel : channels)
    if (!text_of(channel, "last_failure").empty())
      names += (names.empty() ? "" : ", ") + text_of(channel, "name");
  return names;
}

StandingCheck alert_channel(const Config& config, const Json& status) {
  constexpr std::string_view kCheck = "somebody is called";
  const auto channels = std::ranges::count_if(config.alerts, calls_people);
  if (channels == 0)
    return gap(kCheck, "no [[alert]] channel is configured",
               "Add an alert channel and try it (`pgkeel alert test`).");
  if (const auto failing = failing_channels(status); !failing.empty())
    return gap(kCheck, "not delivered: " + failing, "Mend the alert channels: " + failing + ".");
  return passed(kCheck, fmt::format("{} channel{}", channels, channels == 1 ? "" : "s"));
}

StandingCheck deadman(const Config& config) {
  constexpr std::string_view kCheck = "dead-man's switch";
  if (!std::ranges::all_of(config.alerts, calls_people)) return passed(kCheck, "configured");
  return gap(kCheck, "none: nobody hears when this host is gone",
             "Add a dead-man's switch (`kind = \"deadman\"`).");
}

StandingCheck token(const Config& config) {
  constexpr std::string_view kCheck = "token for the API";
  if (!config.http.token_file.empty()) return passed(kCheck, "configured");
  if (!config.http.listen) return passed(kCheck, "not needed: only the Unix socket answers");
  return gap(kCheck, "none: over TCP nothing can be acknowledged or paused",
             "Set `http.token_file` if people act from elsewhere.");
}

}  // namespace

std::vector<StandingCheck> standing_checks(const Config& config, const Json& status, WallTime now) {
  return {backup_age(config, status, now),
          proof(config, status, now),
          archive(config, status),
          offsite(config),
          alert_channel(config, status),
          deadman(config),
          token(config)};
}

}  // namespace pgkeel::app
