// See guard.hpp. A kill's way back is split: PostgreSQL's own start and redo, as its log tells
// them, the wait for the killed server's children, and the rest, which is the guard's.
#include <fmt/format.h>

#include <algorithm>

#include "app/demo/play.hpp"
#include "bench/guard.hpp"
#include "pg/log_line.hpp"
#include "runtime/files.hpp"

namespace pgkeel::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kKills = 5;  // within the stage's restart budget
constexpr int kDrops = 3;
constexpr std::size_t kLogBytesMax = 1U << 20U;

constexpr double kKilledDetectedMsMax = 50;
constexpr double kKilledRestMsMax = 300;
constexpr double kDroppedSeenMsMax = 1000;

const app::Fault& fault_named(std::string_view name) {
  return *std::ranges::find(app::demo_faults(), name, &app::Fault::name);
}

double millis(std::chrono::microseconds span) { return static_cast<double>(span.count()) / 1000; }

// From the first line of the new server to the one that says it serves.
Result<double> own_start_ms(std::string_view log) {
  std::optional<WallTime> starting;
  std::optional<WallTime> ready;
  for (const auto& line : pg::parse_log(pg::ServerLogFormat::Stderr, log)) {
    if (line.message.starts_with("starting PostgreSQL")) starting = line.at;
    if (line.message.contains("ready to accept connections")) ready = line.at;
  }
  if (!starting || !ready) return fail(ErrorCode::Malformed, "the server's log shows no start");
  return millis(*ready - *starting);
}

double reaping_ms(const incident::Incident& incident) {
  double sum = 0;
  for (const auto& action : incident.actions)
    if (action.step == "await_children_gone" && action.ended_at)
      sum += millis(*action.ended_at - action.started_at);
  return sum;
}

struct Kills {
  std::vector<double> detected, dying, back, start, reaping, rest;
};

Result<void> kill_once(app::Stage& stage, app::Writer& writer, Kills& kills) {
  const auto log = stage.instance().server_log();
  std::error_code error;
  const auto size = fs::file_size(log, error);
  if (error) return fail_errno(error.value(), "look at " + log.string());
  TRY(report, app::play(stage, writer, fault_named("server_killed")));
  if (!report.holds()) return fail(ErrorCode::Failed, "acknowledged rows were lost");
  TRY(text, runtime::read_file_from(log, size, kLogBytesMax));
  TRY(start, own_start_ms(text));
  const auto back = static_cast<double>(report.recovered_ms);
  const auto reaping = reaping_ms(report.incident);
  const auto dying = millis(stage.damage_done_at() - stage.broken_at());
  say(fmt::format(
      "  detected {} ms after the signal, of which it took {:.0f} ms to die; back {} ms; start and "
      "redo {:.0f} ms, children {:.0f} ms",
      report.detected_ms, dying, report.recovered_ms, start, reaping));
  kills.dying.push_back(dying);
  kills.detected.push_back(static_cast<double>(report.detected_ms));
  kills.back.push_back(back);
  kills.start.push_back(start);
  kills.reaping.push_back(reaping);
  kills.rest.push_back(back - start - reaping);
  return {};
}

Result<Cells> measure_kills(app::Stage& stage, app::Writer& writer) {
  say(fmt::format("killing the server {} times", kKills));
  Kills kills;
  for (int i = 0; i < kKills; ++i) TRY_VOID(kill_once(stage, writer, kills));
  return Cells{
      {"server_killed detected, median", "ms", median(kills.detected), kKilledDetectedMsMax},
      {"server_killed: from the signal to its death, median", "ms", median(kills.dying), {}},
      {"server_killed back, median", "ms", median(kills.back), {}},
      {"server_killed back: the server's own start and redo, median",
       "ms",
       median(kills.start),
       {}},
      {"server_killed back: its children's end, median", "ms", median(kills.reaping), {}},
      {"server_killed back: the rest, median", "ms", median(kills.rest), kKilledRestMsMax},
  };
}

// Judged from the statement's start, which is hard on the guard: DROP DATABASE waits for a
// checkpoint before it commits, and nobody can see it earlier. So its own time is told too.
Result<Cells> measure_drops(app::Stage& stage, app::Writer& writer, std::string_view name) {
  say(fmt::format("{}, {} times", name, kDrops));
  double slowest = 0;
  double statement = 0;
  double after = 0;
  for (int i = 0; i < kDrops; ++i) {
    TRY(report, app::play(stage, writer, fault_named(name)));
    const auto seen = static_cast<double>(report.detected_ms);
    const auto took = millis(stage.damage_done_at() - stage.broken_at());
    say(fmt::format("  seen {:.0f} ms after the statement began, which took {:.0f} ms", seen,
                    took));
    slowest = std::max(slowest, seen);
    statement = std::max(statement, took);
    after = std::max(after, seen - took);
  }
  return Cells{
      {fmt::format("{} seen, slowest of {}", name, kDrops), "ms", slowest, kDroppedSeenMsMax},
      {fmt::format("{}: the statement itself, slowest", name), "ms", statement, {}},
      {fmt::format("{} seen after the statement ended, slowest", name), "ms", after, {}},
  };
}

}  // namespace

Result<Cells> measure_speed(app::Stage& stage) {
  app::Writer writer(stage.conninfo("shop"));
  TRY(cells, measure_kills(stage, writer));
  for (const auto* name : {"table_dropped", "database_dropped"}) {
    TRY(drops, measure_drops(stage, writer, name));
    cells.insert(cells.end(), drops.begin(), drops.end());
  }
  return std::move(cells);
}

}  // namespace pgkeel::bench
