// See dump_schedule.hpp.
#include "app/guard/dump_schedule.hpp"

#include <algorithm>

#include "app/json_read.hpp"
#include "instance/instance.hpp"

namespace pgkeel::app {
namespace {

constexpr Millis kFirstRetry{5 * 60'000};
constexpr Millis kLastRetry{60 * 60'000};
constexpr Millis kExpireEvery{6 * 3'600'000};
constexpr Millis kCopyEvery{5 * 60'000};
// A dump that one database fails reads all the others again.
constexpr Millis kLastDumpRetry{6 * 3'600'000};
constexpr int kDoublingsMax = 7;

bool may_try(const JobHistory& history, WallTime now, Millis at_most = kLastRetry) {
  if (history.failures == 0 || !history.ended_at) return true;
  const auto doublings = std::min(history.failures - 1, kDoublingsMax);
  return now >= *history.ended_at + std::min(kFirstRetry * (1 << doublings), at_most);
}

bool older_than(const std::optional<WallTime>& time, Millis age, WallTime now) {
  return !time || now - *time >= age;
}

// A doubted dump counts as made: making it again would not explain why it shrank.
bool dump_due(const DumpsView& view, const JobHistory& history, Millis every, WallTime now) {
  return older_than(view.newest_at, every, now) && may_try(history, now, kLastDumpRetry);
}

bool drill_due(const DumpsView& view, const JobHistory& history, const ArchiveConfig& config,
               WallTime now) {
  if (view.newest_good.empty() || !may_try(history, now)) return false;
  return !view.drilled_at || older_than(view.drilled_at, config.drill_every, now) ||
         (!view.proven && older_than(view.drilled_at, kLastRetry, now));
}

// Also while none is proven: failed ones must not pile up. What may go the plan itself knows.
bool expire_due(const DumpsView& view, const JobHistory& history, WallTime now) {
  return view.runs > 0 && older_than(history.ended_at, kExpireEvery, now) && may_try(history, now);
}

}  // namespace

std::string_view to_string(DumpJob job) {
  switch (job) {
    case DumpJob::Dump: return "dump now";
    case DumpJob::Drill: return "dump drill";
    case DumpJob::Expire: return "dump expire";
    case DumpJob::Copy: return "backup copy";
    case DumpJob::ExpireCopy: return "dump expire --offsite";
  }
  return {};
}

JobHistory& history_of(DumpHistory& history, DumpJob job) {
  switch (job) {
    case DumpJob::Dump: return history.dump;
    case DumpJob::Drill: return history.drill;
    case DumpJob::Expire: return history.expire;
    case DumpJob::Copy: return history.copy;
    case DumpJob::ExpireCopy: return history.expire_copy;
  }
  return history.dump;
}

Result<DumpsView> parse_dump_list(std::string_view json) {
  TRY(answer, parse_json(json));
  const auto& rows = member(answer, "dumps");
  if (!rows.is_array()) return fail(ErrorCode::Malformed, "no list of dumps");
  DumpsView view;
  view.seen = true;
  for (const auto& row : rows) {  // oldest first
    ++view.runs;
    const auto ended_at = time_of(row, "ended_at");
    if (flag_of(row, "complete")) view.newest_at = ended_at;
    view.failure = flag_of(row, "good") ? "" : text_of(row, "failure");
    if (!flag_of(row, "good")) continue;
    const auto& drill = member(row, "drill");
    view.newest_good = text_of(row, "dump");
    view.newest_good_at = ended_at;
    view.proven = flag_of(row, "proven");
    view.drilled_at = time_of(drill, "at");
    if (const auto took = number_of(drill, "restore_ms")) view.restore_took = Millis(*took);
  }
  return view;
}

bool dumps_only(const Config& config, const sense::RightsFacts& rights) {
  return config.instance.kind == instance::Kind::Remote && rights.seen && !rights.superuser &&
         !rights.replication;
}

Millis dump_interval(const ArchiveConfig& config, bool only_dumps) {
  if (config.dump_every.count() > 0 || !only_dumps) return config.dump_every;
  return config.full_every;
}

std::optional<DumpJob> due_dump_job(const DumpsView& view, bool only_dumps,
                                    const DumpHistory& history, const ArchiveConfig& config,
                                    WallTime now) {
  const auto every = dump_interval(config, only_dumps);
  if (!view.seen || every.count() == 0) return std::nullopt;
  if (dump_due(view, history.dump, every, now)) return DumpJob::Dump;
  if (drill_due(view, history.drill, config, now)) return DumpJob::Drill;
  if (expire_due(view, history.expire, now)) return DumpJob::Expire;
  if (config.offsite.where.empty() || !view.newest_at) return std::nullopt;
  // With base backups the archive's own schedule copies, dumps included.
  if (only_dumps && older_than(history.copy.ended_at, kCopyEvery, now) &&
      may_try(history.copy, now))
    return DumpJob::Copy;
  if (expire_due(view, history.expire_copy, now)) return DumpJob::ExpireCopy;
  return std::nullopt;
}

}  // namespace pgkeel::app
