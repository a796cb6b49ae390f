// pgkeel dump drill: a dump restored into a scratch server, counted and removed again.
#include <fmt/format.h>

#include "app/archive/client_programs.hpp"
#include "app/archive/progress.hpp"
#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "archive/dump/dump_drill.hpp"

namespace pgkeel::app {
namespace {

Json drill_json(const archive::DumpDrill& drill) {
  return {{"dump", drill.label},
          {"holds", drill.proof.holds},
          {"failure", drill.proof.failure},
          {"checked", drill.proof.checked},
          {"restore_ms", drill.proof.copy_took.count()},
          {"rows", drill.proof.rows}};
}

void print(const archive::DumpDrill& drill) {
  if (!drill.proof.holds) {
    fmt::print("The drill of dump {} FAILED: {}\n", drill.label, drill.proof.failure);
    return;
  }
  fmt::print("Proven: dump {} restored in {}.\n", drill.label,
             humane_duration(drill.proof.copy_took));
  for (const auto& checked : drill.proof.checked) fmt::print("  {}\n", checked);
}

Result<void> use(const Config& config, const ChosenPrograms& chosen,
                 archive::DumpDrillRequest& request) {
  request.bin_dir = chosen.programs.place.dir;
  request.image = chosen.image;
  request.image_programs = chosen.programs;
  request.account = chosen.account;
  if (chosen.image) return {};
  TRY(account, server_account(config));
  request.account = account;
  return {};
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  const auto lock = lock_job(config, "dump-drill");
  if (!lock) return fail(lock.error());
  TRY(tools, open_archive(config, which_store(invocation)));
  const StopOnSignal stop;
  ProgressLine line;
  const auto began = SteadyClock::now();
  archive::DumpDrillRequest request;
  request.store = tools.store.get();
  request.keys = &tools.keys;
  request.label = invocation.value("ID");
  request.scratch = drill_directory(config);
  TRY(dump, archive::dump_to_drill(request));
  request.label = dump.label;
  TRY(chosen, choose_client_programs(config, {.wants = ProgramsQuestion::Wants::Server,
                                              .major = dump.client_major,
                                              .job = "dump-drill",
                                              .scratch = ProgramsQuestion::Scratch::Yes}));
  TRY_VOID(use(config, chosen, request));
  request.stop = stop.token();
  request.tell = [&](std::uint64_t bytes, std::uint64_t total) {
    const auto took = std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
    line.show("drill: " + amount_text(bytes, total, took));
  };
  TRY(drill, archive::drill_dump(request));
  if (invocation.global.json) fmt::print("{}", to_line(drill_json(drill)));
  else print(drill);
  return drill.proof.holds ? 0 : 1;
}

}  // namespace

CommandSpec dump_drill_command() {
  return {.name = "dump drill",
          .summary = "prove a dump by restoring it",
          .details =
              "Restores every database of a dump, from the store alone, into a fresh cluster in "
              "the scratch directory that nobody can reach, compares the rows of every table with "
              "those of the dump's snapshot, measures the time, and removes it. Needs server "
              "programs of that version on this machine, or the image of a guarded container.",
          .example = "pgkeel dump drill",
          .options = {offsite_option()},
          .arguments = {{.names = "ID", .help = "a dump; the newest good one when left out"}},
          .run = run};
}

}  // namespace pgkeel::app
