// See dump_keeper.hpp.
#include "app/guard/dump_keeper.hpp"

#include <fmt/format.h>

#include "app/archive/tools.hpp"
#include "app/guard/job_failure.hpp"
#include "base/log.hpp"

namespace pgkeel::app {
namespace {

using runtime::Task;

constexpr Seconds kLookEvery{5};            // whether something is due
constexpr Seconds kListEvery{600};          // somebody may work on the store without us
constexpr Seconds kListAgain{60};           // while something is wrong, which people mend
constexpr Seconds kListPatience{120};       // a bucket with many objects
constexpr Seconds kJobPatience{24 * 3600};  // a large database over a slow line

std::vector<std::string> words_of(DumpJob job) {
  switch (job) {
    case DumpJob::Dump: return {"dump", "now", "--json"};
    case DumpJob::Drill: return {"dump", "drill", "--json"};
    case DumpJob::Expire: return {"dump", "expire", "--yes", "--json"};
    case DumpJob::Copy: return {"backup", "copy", "--json"};
    case DumpJob::ExpireCopy: return {"dump", "expire", "--offsite", "--yes", "--json"};
  }
  return {};
}

std::string age(const std::optional<WallTime>& time) {
  return time ? humane_duration(std::chrono::duration_cast<Millis>(wall_now() - *time)) : "?";
}

}  // namespace

bool DumpKeeper::alone() const {
  return config_.archive.configured() && dumps_only(config_, senses_.observation().rights);
}

bool DumpKeeper::wanted() const {
  return config_.archive.configured() && dump_interval(config_.archive, alone()).count() > 0;
}

bool DumpKeeper::may_work() const {
  return wanted() && config_.mode == Mode::Act && !conductor_.state().paused &&
         senses_.observation().healthy() && !conductor_.state().stopped_on_purpose;
}

Task<void> DumpKeeper::look() {
  runtime::ProcessSpec spec;
  spec.argv = own_command(config_, {"dump", "list", "--json"});
  const auto ran =
      co_await runtime::run_process(loop_, std::move(spec), loop_.after(kListPatience));
  const bool ended_well = ran && ran->exit.ok();
  const auto view = ended_well ? parse_dump_list(ran->out)
                               : Result<DumpsView>(fail(ErrorCode::Failed, job_failure(ran)));
  listing_failure_ = view ? "" : view.error().message();
  if (view) view_ = *view;
}

Task<void> DumpKeeper::do_job(DumpJob job) {
  runtime::ProcessSpec spec;
  spec.argv = own_command(config_, words_of(job));
  log_info("archive job started", {{"job", to_string(job)}});
  const auto began = loop_.now();
  const auto ran = co_await runtime::run_process(loop_, std::move(spec), loop_.after(kJobPatience));
  const auto took = std::chrono::duration_cast<Millis>(loop_.now() - began);
  auto& history = history_of(history_, job);
  history.ended_at = wall_now();
  const bool worked = ran && ran->exit.ok();
  history.failure = worked ? "" : job_failure(ran);
  history.failures = worked ? 0 : history.failures + 1;
  if (worked) log_info("archive job done", {{"job", to_string(job)}, {"took_ms", took.count()}});
  else log_error("archive job failed", {{"job", to_string(job)}, {"why", history.failure}});
  co_await look();
}

Task<void> DumpKeeper::run() {
  if (!config_.archive.configured()) co_return;
  SteadyTime list_due{};
  while (true) {
    static_cast<void>(co_await loop_.sleep_in_step(kLookEvery));
    if (!may_work()) continue;
    if (loop_.now() >= list_due) {
      co_await look();
      list_due = loop_.after(troubles().empty() ? kListEvery : kListAgain);
    }
    const auto job = due_dump_job(view_, alone(), history_, config_.archive, wall_now());
    if (job) co_await do_job(*job);
  }
}

std::vector<sense::ArchiveTrouble> DumpKeeper::troubles() const {
  if (!wanted() || config_.mode != Mode::Act) return {};
  return dump_troubles({view_, history_, dump_interval(config_.archive, alone()),
                        config_.archive.drill_every, alone(), listing_failure_, wall_now()});
}

bool DumpKeeper::looked() const {
  return !wanted() || config_.mode != Mode::Act || view_.seen || !listing_failure_.empty();
}

serve::ArchiveFigures DumpKeeper::figures() const {
  serve::ArchiveFigures figures;
  figures.at = wall_now();
  figures.last_backup_at = view_.newest_good_at;
  if (view_.proven) figures.last_proof_at = view_.drilled_at;
  figures.restore_took = view_.restore_took;
  return figures;
}

serve::Protection DumpKeeper::protection() const {
  serve::Protection protection;
  const auto wrong = troubles();
  protection.ok = wrong.empty() && view_.proven;
  if (!wrong.empty()) protection.note = wrong.front().text;
  else if (!view_.seen) protection.note = "not looked at yet";
  else if (view_.newest_good.empty()) protection.note = "there is no dump yet";
  else
    protection.note = fmt::format(
        "dump {} old, {}", age(view_.newest_good_at),
        view_.proven ? fmt::format("proven {} ago", age(view_.drilled_at)) : "not proven yet");
  protection.note += fmt::format(
      "; the role may not replicate: logical dumps only, back to the moment of a dump "
      "and not between; up to {} of changes can be lost",
      humane_duration(dump_interval(config_.archive, true)));
  protection.figures = figures();
  return protection;
}

}  // namespace pgkeel::app
