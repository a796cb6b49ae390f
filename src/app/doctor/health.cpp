// See health.hpp. Looking; showing is in health_report.cpp.
#include "app/doctor/health.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "sense/health_look.hpp"

namespace pgkeel::app {
namespace {

using incident::Severity;

constexpr Seconds kProgressEvery{1};

// What takes less than a second says nothing of how far it is.
class Progress {
 public:
  explicit Progress(runtime::Loop& loop) : loop_(loop), told_(loop.now()) {}
  void tell(std::size_t done, std::size_t all, const std::string& relation) {
    const auto now = loop_.now();
    if (now - told_ < kProgressEvery) return;
    told_ = now;
    fmt::print(stderr, "amcheck: {} of {} checked, now {}\n", done, all, printable(relation));
  }

 private:
  runtime::Loop& loop_;
  SteadyTime told_;
};

std::string repair_of(const sense::Damage& damage) {
  if (!damage.index)
    return "look for its cause first ('dmesg', smartctl), take a copy of the data directory, then "
           "restore the table beside the live one ('pgkeel undrop DATABASE.SCHEMA.TABLE --as "
           "NAME')";
  const bool catalog = damage.relation.starts_with("pg_catalog.");
  return fmt::format("in database {}: REINDEX INDEX {}{};", damage.database,
                     catalog ? "" : "CONCURRENTLY ", damage.relation);
}

void judge_amcheck(const sense::AmcheckFacts& facts, std::vector<diagnose::HealthLine>& lines) {
  for (const auto& damage : facts.damage)
    lines.push_back({"amcheck", Severity::Critical,
                     fmt::format("{} {} in {} is damaged: {}", damage.index ? "index" : "table",
                                 damage.relation, damage.database, damage.text),
                     repair_of(damage)});
  for (const auto& part : facts.parts) {
    auto text = fmt::format("amcheck of {}: ", part.database);
    if (!part.unavailable.empty()) text += part.unavailable;
    else text += fmt::format("{} indexes and tables checked", part.checked);
    if (part.skipped > 0) text += fmt::format(", {} not ({})", part.skipped, part.why_skipped);
    lines.push_back({"amcheck", Severity::Info, std::move(text), {}});
  }
}

}  // namespace

sense::HealthFacts look_at_health(runtime::Loop& loop, const sense::Options& options) {
  sense::Board board(loop, options);
  return loop.run_until_complete(sense::look_at_health(&board, loop.after(kHealthMost)));
}

sense::AmcheckFacts check_with_amcheck(runtime::Loop& loop, const sense::Options& options,
                                       const sense::HealthFacts& health, Millis most) {
  std::vector<std::string> databases;
  for (const auto& database : health.databases) databases.push_back(database.name);
  sense::Board board(loop, options);
  Progress progress(loop);
  const sense::AmcheckProgress tell = [&progress](std::size_t done, std::size_t all,
                                                  const std::string& relation) {
    progress.tell(done, all, relation);
  };
  return loop.run_until_complete(
      sense::run_amcheck(&board, std::move(databases), loop.after(most), &tell));
}

void judge_health(HealthExamination& health, const sense::Observation& seen, WallTime now) {
  health.lines = diagnose::judge_health({health.facts, seen, health.sizes, now});
  if (health.amcheck) judge_amcheck(*health.amcheck, health.lines);
  for (const auto& warning : health.certificate)
    health.lines.push_back(
        {"certificate", incident::Severity::Warning, warning.text, warning.hint});
  health.lines.insert(health.lines.end(), health.room.begin(), health.room.end());
  health.lines = diagnose::gravest_first(std::move(health.lines));
}

}  // namespace pgkeel::app
