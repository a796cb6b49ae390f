// pgkeel backup drill: the newest backup (or one of them) restored, asked and removed again.
#include <fmt/format.h>

#include "app/archive/progress.hpp"
#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "archive/drill/drill.hpp"
#include "recover/expectation.hpp"

namespace pgkeel::app {
namespace {

std::vector<archive::DrillQuestion> questions_of(const Config& config) {
  std::vector<archive::DrillQuestion> questions;
  for (const auto& invariant : config.invariants) {
    const auto expectation = recover::parse_expectation(invariant.expect);
    if (!expectation) continue;  // refused when the configuration was read
    questions.push_back(
        {invariant.database, invariant.sql,
         [wanted = *expectation](bool any_row, const std::optional<std::string>& value) {
           return recover::objection(wanted, {any_row, value});
         }});
  }
  return questions;
}

Result<archive::DrillRequest> request_for(const Invocation& invocation, ArchiveTools& tools,
                                          const StopOnSignal& stop) {
  archive::DrillRequest request;
  request.scratch = drill_directory(tools.config);
  request.questions = questions_of(tools.config);
  TRY(restore, restore_request(tools, stop));
  restore.incoming.clear();  // the store alone has to do
  restore.label = invocation.value("ID");
  request.restore = restore;
  return request;
}

Json proof_json(const archive::Proof& proof) {
  return {{"holds", proof.holds},
          {"failure", proof.failure},
          {"checked", proof.checked},
          {"copy_ms", proof.copy_took.count()},
          {"replay_ms", proof.replay_took.count()},
          {"lsn", to_string(proof.lsn)},
          {"rows", proof.rows}};
}

void print(const archive::Proof& proof) {
  if (!proof.holds) {
    fmt::print("The drill FAILED: {}\n", proof.failure);
    return;
  }
  fmt::print("Proven: restored in {} (files {}, WAL {}) up to {}.\n",
             humane_duration(proof.copy_took + proof.replay_took), humane_duration(proof.copy_took),
             humane_duration(proof.replay_took), to_string(proof.lsn));
  for (const auto& checked : proof.checked) fmt::print("  {}\n", checked);
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  const auto lock = lock_job(config, "drill");
  if (!lock) return fail(lock.error());
  TRY(tools, open_archive(config, which_store(invocation)));
  const StopOnSignal stop;
  TRY(request, request_for(invocation, tools, stop));
  ProgressLine line;
  const auto began = SteadyClock::now();
  request.restore.tell = [&](const archive::RestoreProgress& progress) {
    const auto took = std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
    line.show("drill: " + amount_text(progress.bytes, progress.bytes_total, took));
  };
  TRY(proof, archive::drill(request));
  if (invocation.global.json) fmt::print("{}", to_line(proof_json(proof)));
  else print(proof);
  return proof.holds ? 0 : 1;
}

}  // namespace

CommandSpec backup_drill_command() {
  return {.name = "backup drill",
          .summary = "prove a backup by restoring it",
          .details =
              "Restores from the store alone into a scratch directory, replays all WAL in a "
              "server nobody can reach, reads every table, checks indexes and tables with amcheck "
              "where it is installed, asks your invariants, measures the time, and removes it.",
          .example = "pgkeel backup drill",
          .options = {offsite_option()},
          .arguments = {{.names = "ID", .help = "a backup; the newest when left out"}},
          .run = run};
}

}  // namespace pgkeel::app
