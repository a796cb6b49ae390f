// See health.hpp. Statements, indexes, sizes, checkpoints, disk; sessions are in health_sessions.
#include "diagnose/health.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "diagnose/health_sessions.hpp"
#include "pg/sql_text.hpp"

namespace pgkeel::diagnose {
namespace {

using incident::Severity;

constexpr std::size_t kByTotalTold = 3;
constexpr std::size_t kByMeanTold = 2;
constexpr std::size_t kTablesTold = 4;
constexpr std::size_t kDatabasesTold = 4;
// Fewer requested checkpoints than this are backups and hands; more than the timed ones: WAL.
constexpr std::int64_t kCheckpointsLeast = 10;
// A disk that is well syncs and reads in a millisecond or two; a rotating one in ten.
constexpr double kSlowMs = 20;
constexpr std::int64_t kIoLeast = 200;
constexpr double kStallNotable = 20;
constexpr std::int64_t kTempBytesNotable = 100LL << 20U;
constexpr double kTempBytesMany = 10.0 * (1LL << 30U);  // a day
constexpr double kDay = 86'400;
constexpr double kBytesMost = 9e18;  // what a whole number holds

std::string size(std::int64_t bytes) {
  return format_size(static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0)));
}

double seconds_since(WallTime then, WallTime now) {
  return std::chrono::duration<double>(now - then).count();
}

std::string day_of(WallTime time) { return to_iso8601(time).substr(0, 10); }

// A figure of the server's may be anything a double can be.
Millis millis_of(double milliseconds) {
  constexpr double kMost = 1e15;  // thirty thousand years
  if (!(milliseconds > 0)) return Millis(0);
  return Millis(static_cast<std::int64_t>(std::min(milliseconds, kMost)));
}

std::string statement_words(const sense::SlowStatement& statement) {
  return fmt::format("{} in {} calls, {} each, role {} in {}: {}",
                     humane_duration(millis_of(statement.total_ms)), statement.calls,
                     statement.mean_ms < 1000 ? fmt::format("{:.1f} ms", statement.mean_ms)
                                              : humane_duration(millis_of(statement.mean_ms)),
                     statement.user, statement.database, statement.text);
}

bool same(const sense::SlowStatement& a, const sense::SlowStatement& b) {
  return a.text == b.text && a.user == b.user && a.database == b.database;
}

void judge_statements(const HealthCase& the_case, std::vector<HealthLine>& lines) {
  const auto& facts = the_case.health.statements;
  if (!facts.missing.empty()) {
    lines.push_back({"statements", Severity::Info,
                     "slow statements are not known: pg_stat_statements is not installed",
                     facts.missing});
    return;
  }
  const auto& total = facts.by_total;
  const auto told = std::min(total.size(), kByTotalTold);
  for (std::size_t i = 0; i < told; ++i)
    lines.push_back({"statements",
                     Severity::Info,
                     (i == 0 ? "most time: " : "then: ") + statement_words(total[i]),
                     {}});
  std::size_t slow = 0;
  for (const auto& statement : facts.by_mean) {
    const auto end = total.begin() + static_cast<std::ptrdiff_t>(told);
    const bool known =
        std::any_of(total.begin(), end, [&](const auto& one) { return same(one, statement); });
    if (known || slow++ >= kByMeanTold) continue;
    lines.push_back({"statements", Severity::Info, "slowest: " + statement_words(statement), {}});
  }
}

HealthLine index_line(const sense::InvalidIndex& index) {
  const auto name = pg::quote_qualified(index.schema, index.name).value_or("...");
  HealthLine line{"indexes", Severity::Warning, {}, {}};
  line.text = fmt::format(
      "index {} on {} in {} is {} ({}){}", name, index.table, index.database,
      index.ready ? "invalid: no query uses it" : "invalid and not even kept up to date",
      size(index.bytes), index.unique ? "; being unique, it may still reject rows" : "");
  if (index.in_the_making) {
    line.severity = Severity::Info;
    line.text += "; an index is being built just now";
  } else if (index.partitioned) {
    line.advice = "build it on every partition and attach each";
  } else if (index.name.contains("_ccnew") || index.name.contains("_ccold")) {
    line.advice = "left behind by a REINDEX that failed: DROP INDEX CONCURRENTLY " + name + ";";
  } else {
    line.advice = "REINDEX INDEX CONCURRENTLY " + name + "; or drop it";
  }
  return line;
}

std::string largest_words(const std::vector<sense::TableHealth>& tables) {
  std::string text = "largest tables: ";
  for (std::size_t i = 0; i < std::min(tables.size(), kTablesTold); ++i) {
    const auto& table = tables[i];
    text += fmt::format("{}{}.{}.{} {} (heap {}, indexes {}, TOAST {})", i == 0 ? "" : "; ",
                        table.database, table.schema, table.name, size(table.total_bytes()),
                        size(table.heap_bytes), size(table.index_bytes), size(table.toast_bytes));
  }
  return text;
}

void judge_sizes(const HealthCase& the_case, std::vector<HealthLine>& lines) {
  const auto& databases = the_case.health.databases;
  std::string text;
  for (std::size_t i = 0; i < std::min(databases.size(), kDatabasesTold); ++i) {
    const auto& database = databases[i];
    text += fmt::format("{}{} {}", i == 0 ? "" : "; ", database.name,
                        database.bytes ? size(*database.bytes) : "(size hidden from this role)");
    if (database.looked_into)
      text += fmt::format(" in {} table{}", database.tables, database.tables == 1 ? "" : "s");
  }
  if (databases.size() > kDatabasesTold)
    text += fmt::format("; {} more databases", databases.size() - kDatabasesTold);
  if (const auto growth = growth_per_day(the_case.sizes))
    text += fmt::format("; {} by {} a day", *growth < 0 ? "shrinking" : "growing",
                        size(std::llround(std::min(std::abs(*growth), kBytesMost))));
  if (!text.empty()) lines.push_back({"sizes", Severity::Info, std::move(text), {}});
  if (!the_case.health.largest.empty())
    lines.push_back({"sizes", Severity::Info, largest_words(the_case.health.largest), {}});
}

// Sorts and hashes that did not fit into work_mem.
void judge_temp_files(const HealthCase& the_case, std::vector<HealthLine>& lines) {
  for (const auto& database : the_case.health.databases) {
    if (database.temp_bytes < kTempBytesNotable) continue;
    HealthLine line{"temp_files", Severity::Info, {}, {}};
    line.text = fmt::format("database {} wrote {} of temporary files ({})", database.name,
                            size(database.temp_bytes), database.temp_files);
    if (const auto& since = database.counted_since) {
      line.text += " since " + day_of(*since);
      const auto days = std::max(seconds_since(*since, the_case.now) / kDay, 1.0);
      if (static_cast<double>(database.temp_bytes) / days > kTempBytesMany)
        line.severity = Severity::Warning;
    }
    line.advice = "an index for what is sorted, or more work_mem for the role that needs it";
    lines.push_back(std::move(line));
  }
}

void judge_checkpoints(const HealthCase& the_case, std::vector<HealthLine>& lines) {
  const auto& facts = the_case.health.checkpoints;
  if (!facts || facts->requested < kCheckpointsLeast || facts->requested <= facts->timed) return;
  lines.push_back(
      {"checkpoints", Severity::Warning,
       fmt::format("{} of {} checkpoints came before their time{} (every {}): max_wal_size ({}) is "
                   "too small for what is written",
                   facts->requested, facts->requested + facts->timed,
                   facts->since ? " since " + day_of(*facts->since) : std::string(),
                   humane_duration(facts->timeout), size(facts->max_wal_bytes)),
       fmt::format("ALTER SYSTEM SET max_wal_size = '{}MB'; SELECT pg_reload_conf(); the disk of "
                   "the WAL must have room for it",
                   std::max<std::int64_t>(2 * facts->max_wal_bytes >> 20U, 1024))});
}

void judge_disk(const HealthCase& the_case, std::vector<HealthLine>& lines) {
  const auto& io = the_case.health.io;
  std::string text;
  if (io.syncs >= kIoLeast && io.sync_ms.value_or(0) >= kSlowMs)
    text = fmt::format("a sync to disk takes {:.0f} ms on average of {}", *io.sync_ms, io.syncs);
  if (io.reads >= kIoLeast && io.read_ms.value_or(0) >= kSlowMs)
    text += fmt::format("{}a read takes {:.0f} ms on average of {}", text.empty() ? "" : "; ",
                        *io.read_ms, io.reads);
  const bool slow = !text.empty();
  const auto stall = the_case.seen.host.io_stall.value_or(0);
  if (stall >= kStallNotable)
    text += fmt::format("{}processes of this machine waited for a disk {:.0f} % of the last 10 s",
                        slow ? "; " : "", stall);
  if (text.empty()) return;
  lines.push_back(
      {"disk", slow ? Severity::Warning : Severity::Info, std::move(text),
       slow ? "look who else uses this disk, and what the host sells (IOPS)" : std::string()});
}

}  // namespace

std::optional<double> growth_per_day(const std::vector<SizeSample>& sizes) {
  if (sizes.empty()) return std::nullopt;
  const auto [first, last] = std::ranges::minmax_element(sizes, {}, &SizeSample::at);
  if (last->at - first->at < kGrowthSpan) return std::nullopt;
  return static_cast<double>(last->bytes - first->bytes) * kDay /
         seconds_since(first->at, last->at);
}

std::vector<HealthLine> judge_health(const HealthCase& the_case) {
  std::vector<HealthLine> lines;
  if (!the_case.health.seen) return lines;
  judge_locks(the_case, lines);
  judge_transactions(the_case, lines);
  judge_vacuum(the_case, lines);
  judge_connections(the_case, lines);
  for (const auto& index : the_case.health.invalid) lines.push_back(index_line(index));
  judge_checkpoints(the_case, lines);
  judge_disk(the_case, lines);
  judge_temp_files(the_case, lines);
  judge_sizes(the_case, lines);
  judge_statements(the_case, lines);
  return gravest_first(std::move(lines));
}

std::vector<HealthLine> gravest_first(std::vector<HealthLine> lines) {
  std::vector<HealthLine> ordered;
  for (const auto severity : {Severity::Critical, Severity::Warning, Severity::Info})
    for (auto& line : lines)
      if (line.severity == severity) ordered.push_back(std::move(line));
  return ordered;
}

}  // namespace pgkeel::diagnose
