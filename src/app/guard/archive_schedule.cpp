// See archive_schedule.hpp.
#include "app/guard/archive_schedule.hpp"

#include <algorithm>
#include <array>

#include "app/json_read.hpp"

namespace pgkeel::app {
namespace {

constexpr Millis kFirstRetry{5 * 60'000};
constexpr Millis kLastRetry{60 * 60'000};
constexpr Millis kExpireEvery{6 * 3'600'000};
constexpr Millis kCopyEvery{5 * 60'000};  // what the loss of the whole host may cost
constexpr int kDoublingsMax = 4;
constexpr std::int64_t kFailuresMax = 1'000'000;  // a year of attempts; more was not written by us
constexpr auto kJobs = std::to_array({ArchiveJob::Backup, ArchiveJob::Drill, ArchiveJob::Expire,
                                      ArchiveJob::Copy, ArchiveJob::ExpireCopy});

bool may_try(const JobHistory& history, WallTime now) {
  if (history.failures == 0 || !history.ended_at) return true;
  const auto doublings = std::min(history.failures - 1, kDoublingsMax);
  return now >= *history.ended_at + std::min(kFirstRetry * (1 << doublings), kLastRetry);
}

bool older_than(const std::optional<WallTime>& time, Millis age, WallTime now) {
  return !time || now - *time >= age;
}

// After a restore or a promotion, and after WAL was lost, the way from the newest backup to the
// present is long or broken.
bool backup_due(const ArchiveView& view, const ServerView& server, const ArchiveConfig& config,
                WallTime now) {
  if (view.newest_start.timeline < server.timeline) return true;
  if (server.gap && !begins_behind(view.newest_start, *server.gap)) return true;
  if (server.slot_given_up_at && view.newest_start.at < server.slot_given_up_at) return true;
  return older_than(view.newest_at, config.full_every, now);
}

// A new backup is proven at once; later it is proven again with the WAL that has come since.
bool drill_due(const ArchiveView& view, const ArchiveConfig& config, WallTime now) {
  if (view.newest.empty()) return false;
  return !view.drilled_at || older_than(view.drilled_at, config.drill_every, now) ||
         (!view.newest_proven && older_than(view.drilled_at, kLastRetry, now));
}

bool expire_due(const ArchiveView& view, const JobHistory& history, WallTime now) {
  return view.newest_proven && older_than(history.ended_at, kExpireEvery, now);
}

}  // namespace

std::string_view to_string(ArchiveJob job) {
  switch (job) {
    case ArchiveJob::Backup: return "backup now";
    case ArchiveJob::Drill: return "backup drill";
    case ArchiveJob::Expire: return "backup expire";
    case ArchiveJob::Copy: return "backup copy";
    case ArchiveJob::ExpireCopy: return "backup expire --offsite";
  }
  return {};
}

bool begins_behind(const BackupStart& start, const archive::WalGap& gap) {
  if (start.timeline == gap.to_timeline && start.lsn >= gap.to) return true;
  return start.at && *start.at >= gap.at;
}

JobHistory& history_of(ArchiveHistory& history, ArchiveJob job) {
  switch (job) {
    case ArchiveJob::Backup: return history.backup;
    case ArchiveJob::Drill: return history.drill;
    case ArchiveJob::Expire: return history.expire;
    case ArchiveJob::Copy: return history.copy;
    case ArchiveJob::ExpireCopy: return history.expire_copy;
  }
  return history.backup;
}

std::string to_json(const ArchiveHistory& history) {
  auto copy = history;
  Json json = Json::object();
  for (const auto job : kJobs) {
    const auto& one = history_of(copy, job);
    if (one.failures == 0 || !one.ended_at) continue;
    json[std::string(to_string(job))] = {{"failures", one.failures},
                                         {"ended_at", to_iso8601(*one.ended_at)},
                                         {"failure", one.failure}};
  }
  return to_line(json);
}

ArchiveHistory parse_history(std::string_view text) {
  ArchiveHistory history;
  const auto json = parse_json(text);
  if (!json) return history;
  for (const auto job : kJobs) {
    const auto& kept = member(*json, to_string(job));
    const auto failures = number_of(kept, "failures").value_or(0);
    const auto ended = time_of(kept, "ended_at");
    if (failures <= 0 || failures > kFailuresMax || !ended) continue;
    history_of(history, job) = {static_cast<int>(failures), ended, text_of(kept, "failure")};
  }
  return history;
}

std::optional<ArchiveJob> due_job(const ArchiveView& view, const ServerView& server,
                                  const ArchiveHistory& history, const ArchiveConfig& config,
                                  WallTime now) {
  if (!view.seen) return std::nullopt;
  if (backup_due(view, server, config, now) && may_try(history.backup, now))
    return ArchiveJob::Backup;
  if (drill_due(view, config, now) && may_try(history.drill, now)) return ArchiveJob::Drill;
  if (expire_due(view, history.expire, now) && may_try(history.expire, now))
    return ArchiveJob::Expire;
  if (config.offsite.where.empty() || view.newest.empty()) return std::nullopt;
  if (older_than(history.copy.ended_at, kCopyEvery, now) && may_try(history.copy, now))
    return ArchiveJob::Copy;
  if (expire_due(view, history.expire_copy, now) && may_try(history.expire_copy, now))
    return ArchiveJob::ExpireCopy;
  return std::nullopt;
}

}  // namespace pgkeel::app
