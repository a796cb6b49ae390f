// pgkeel promote: the shadow takes the place of the server, on purpose. Shows what it would do;
// does it with --yes. A run that was killed is finished, or undone, by the next one.
#include <csignal>

#include <fmt/format.h>

#include "app/archive/progress.hpp"
#include "app/archive/restoring.hpp"
#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "app/shadow/promotion.hpp"

namespace pgkeel::app {
namespace {

int show(const Invocation& invocation, const Config& config,
         const std::vector<std::string>& steps) {
  const bool advises = config.mode == Mode::Advise;
  if (invocation.global.json) {
    fmt::print("{}", to_line({{"done", false}, {"steps", steps}}));
  } else {
    fmt::print("To do:\n");
    for (std::size_t i = 0; i < steps.size(); ++i) fmt::print("  {}. {}\n", i + 1, steps[i]);
    fmt::print("Nothing was changed: {}.\n", advises ? "mode = \"advise\"" : "add --yes to do it");
  }
  return advises ? error_info(ErrorCode::AdviceOnly).exit_number : 0;
}

void print(const Promoted& done) {
  fmt::print(
      "Promoted: the server runs on the shadow's copy, on timeline {}, which begins at {}; it was "
      "down for {}.\nWhat stood in {} is kept in {}; remove it when nobody misses anything.\n",
      done.timeline.value, to_string(done.switched_at), humane_duration(done.down),
      done.place.string(), done.aside.string());
}

Json to_json(const Promoted& done) {
  return {{"done", true},
          {"place", done.place.string()},
          {"aside", done.aside.string()},
          {"timeline", done.timeline.value},
          {"switched_at", to_string(done.switched_at)},
          {"down_ms", done.down.count()}};
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(tools, open_archive(config));
  const bool acts = invocation.has("--yes") && config.mode == Mode::Act;
  std::optional<runtime::FileLock> lock;
  if (acts) {
    // The server is down meanwhile: a terminal that goes is no reason to leave it there.
    for (const int number : {SIGHUP, SIGPIPE}) std::signal(number, SIG_IGN);
    TRY(held, lock_job(config, "restore-in-place"));  // of the same place
    lock.emplace(std::move(held));
  }
  const StopOnSignal stop;
  TRY(promotion, Promotion::open(tools, stop));
  if (!acts) {
    TRY_VOID(promotion.check());
    return show(invocation, config, promotion.steps());
  }
  ProgressLine line;
  const auto began = SteadyClock::now();
  TRY(done, promotion.run([&](const archive::RestoreProgress& progress) {
    const auto took = std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
    line.show(phase_text(progress, took));
  }));
  if (invocation.global.json) fmt::print("{}", to_line(to_json(done)));
  else print(done);
  return 0;
}

}  // namespace

CommandSpec promote_command() {
  return {.name = "promote",
          .summary = "let the shadow take the server's place, on purpose",
          .details =
              "Stops the server in order, lets the shadow's copy replay the last of its WAL, "
              "compares where both end, renames the data directory aside, where it is kept, and "
              "the copy into its place, and starts it on a new timeline. For a disk one does not "
              "trust any more, or to see that it works. Where anything is missing the server is "
              "started again as it was. It only says what it would do until --yes is given; a "
              "run that was killed is finished, or undone, by the next one.",
          .example = "pgkeel promote --yes",
          .options = {{.names = "--yes", .help = "do it"}},
          .run = run};
}

}  // namespace pgkeel::app
