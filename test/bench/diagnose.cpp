// ./dev bench diagnose: what it costs to understand a server's log as it grows, how long doctor
// takes, of a live server and of a dead one with a long log behind it, and how long after its
// evidence exists the cause of every injected fault is named (test/chaos/accuracy).
#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <string>

#include "app/demo/stage.hpp"
#include "base/time.hpp"
#include "bench/support/cells.hpp"
#include "chaos/accuracy/pairs.hpp"
#include "chaos/accuracy/trial.hpp"
#include "instance/data_dir.hpp"
#include "pg/log_line.hpp"
#include "pg/log_signature.hpp"
#include "runtime/process.hpp"
#include "sense/log_watch.hpp"

namespace pgkeel::bench {
namespace {

constexpr std::size_t kLinesPerSecond = 10'000;
constexpr int kSecondsOfLog = 20;
constexpr int kLooksPerSecond = 2;
constexpr std::size_t kKindsOfLine = 20;
constexpr int kRuns = 5;
constexpr double kFollowPercentMax = 1.0;
constexpr double kDoctorMsMax = 3000;
constexpr double kNamedMsMax = 1000;
constexpr double kNeverMs = 1e6;                // a cause that was not named
constexpr std::size_t kDeadLogLines = 200'000;  // about 25 MB, rotated away too late
constexpr Seconds kDoctorDeadline{30};

void say(std::string_view what) { fmt::print(stderr, "bench diagnose: {}\n", what); }

// What a busy server with log_min_duration_statement logs, an error now and then.
std::string log_line(std::size_t number) {
  constexpr std::string_view kPrefix = "2026-11-21 10:00:00.{:03} UTC [{}] app@shop ";
  auto line = fmt::format(fmt::runtime(kPrefix), number % 1000, 100 + number % 50);
  switch (number % kKindsOfLine) {
    case 0:
      return line + fmt::format("ERROR:  duplicate key value violates unique constraint \"k{}\"\n",
                                number);
    case 1: return line + "DETAIL:  Key (id)=(42) already exists.\n";
    case 2: return line + "LOG:  could not receive data from client: Connection reset by peer\n";
    case 3: return line + "LOG:  connection authorized: user=app database=shop\n";
    default:
      return line + fmt::format(
                        "LOG:  duration: 0.{:03} ms  statement: select * from orders where "
                        "id = {} and state = 'paid'\n",
                        number % 1000, number);
  }
}

std::string log_text(std::size_t lines) {
  std::string text;
  for (std::size_t i = 0; i < lines; ++i) text += log_line(i);
  return text;
}

// As the guard follows it: what has come since the last look, read, parsed and classified.
double follow_percent(const std::filesystem::path& log) {
  const auto at_a_look = log_text(kLinesPerSecond / kLooksPerSecond);
  std::ofstream file(log, std::ios::trunc);
  sense::LogFollower follower(WallTime{});
  static_cast<void>(follower.read(log));
  std::size_t named = 0;
  std::clock_t used = 0;
  for (int i = 0; i < kSecondsOfLog * kLooksPerSecond; ++i) {
    file << at_a_look << std::flush;
    const auto began = std::clock();
    for (const auto& line : follower.read(log)) named += pg::classify(line).has_value() ? 1 : 0;
    used += std::clock() - began;
  }
  if (named < kSecondsOfLog * kLinesPerSecond / kKindsOfLine) say("lines were not named");
  return 100.0 * static_cast<double>(used) / CLOCKS_PER_SEC / kSecondsOfLog;
}

Result<double> doctor_ms(app::Stage& stage) {
  runtime::ProcessSpec spec;
  spec.argv = {PGKEEL_PROGRAM, "doctor", "--json", "--config",
               (stage.directory() / "pgkeel.toml").string()};
  const auto began = SteadyClock::now();
  TRY(output, stage.loop().run_until_complete(runtime::run_process(
                  stage.loop(), std::move(spec), stage.loop().after(kDoctorDeadline))));
  const auto took = SteadyClock::now() - began;
  if (!output.out.contains("\"verdict\""))
    return fail(ErrorCode::Failed, "doctor gave no verdict: " + output.err);
  return std::chrono::duration<double, std::milli>(took).count();
}

Result<Cell> measure_doctor(app::Stage& stage, std::string name) {
  say(name);
  std::vector<double> taken;
  for (int i = 0; i < kRuns; ++i) {
    TRY(took, doctor_ms(stage));
    taken.push_back(took);
  }
  return Cell{std::move(name), "ms", *std::ranges::max_element(taken), kDoctorMsMax};
}

Result<void> end_server(app::Stage& stage) {
  stage.end_guard();
  const auto found = stage.instance().find_postmaster();
  if (!found || ::kill(found->pid, SIGKILL) != 0)
    return fail(ErrorCode::Failed, "the server could not be killed");
  std::ofstream(stage.instance().server_log(), std::ios::app) << log_text(kDeadLogLines);
  return {};
}

// One after the other, each into a server of its own.
void measure_naming(std::vector<Cell>& cells) {
  static_cast<void>(chaos::own_mounts());  // without it some faults cannot be injected
  const chaos::ModelCluster model;
  for (const auto& injector : chaos::injectors()) {
    if (!chaos::unable(injector).empty()) continue;
    say(injector.fault);
    const auto trial = chaos::try_faults(model, {&injector});
    if (!trial.ran()) say("not run: " + trial.not_run);
    const auto after = trial.faults.front().after;
    cells.push_back({fmt::format("cause named after evidence, {}", injector.fault), "ms",
                     after && trial.right() ? static_cast<double>(after->count()) : kNeverMs,
                     kNamedMsMax});
  }
}

Result<std::vector<Cell>> measure() {
  std::vector<Cell> cells;
  app::StageOptions options;
  options.program = PGKEEL_PROGRAM;
  TRY(stage, app::Stage::build(std::move(options)));
  TRY_VOID(stage->await_ready());
  say("following a log");
  std::vector<double> percents;
  for (int i = 0; i < kRuns; ++i)
    percents.push_back(follow_percent(stage->directory() / "followed.log"));
  cells.push_back(
      {"log of 10,000 lines a second", "% of a core", median(percents), kFollowPercentMax});
  TRY(live, measure_doctor(*stage, "doctor, live server, longest of 5"));
  cells.push_back(std::move(live));
  TRY_VOID(end_server(*stage));
  TRY(dead, measure_doctor(*stage, "doctor, dead server, 200,000 lines of log, longest of 5"));
  cells.push_back(std::move(dead));
  measure_naming(cells);
  return cells;
}

int run(bool json) {
  const auto cells = measure();
  if (!cells) {
    fmt::print(stderr, "bench diagnose: {}\n", cells.error().message());
    return 1;
  }
  fmt::print("{}", json ? to_json("diagnose", *cells) + "\n" : to_table(*cells));
  return 0;
}

}  // namespace
}  // namespace pgkeel::bench

int main(int argc, char** argv) {
  const bool json = argc == 2 && std::string_view(argv[1]) == "--json";
  if (argc > 1 && !json) {
    std::fputs("usage: bench_diagnose [--json]\n", stderr);
    return 2;
  }
  return pgkeel::bench::run(json);
}
