// pgkeel restore: a cluster as it was, in a directory of its own.
#include <fmt/format.h>

#include "app/archive/progress.hpp"
#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "archive/restore/restore.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;

std::string phase_text(const archive::RestoreProgress& progress, Millis took) {
  switch (progress.phase) {
    case archive::RestorePhase::Planning: return "looking for the backup and its WAL";
    case archive::RestorePhase::Copying:
      return "restoring " + amount_text(progress.bytes, progress.bytes_total, took);
    case archive::RestorePhase::Replaying:
      return fmt::format("replaying WAL, {} segments{}", progress.segments,
                         progress.segment.empty() ? "" : ", now " + progress.segment);
    case archive::RestorePhase::Stopping: return "shutting the restored server down";
  }
  return {};
}

Result<archive::RestoreRequest> request_for(const Invocation& invocation, ArchiveTools& tools,
                                            const StopOnSignal& stop) {
  TRY(request, restore_request(tools, stop));
  request.into = fs::absolute(*invocation.value("--into")).lexically_normal();
  TRY(target, archive::parse_target(invocation.value("--to").value_or("latest")));
  request.target = target;
  request.label = invocation.value("--backup");
  return request;
}

Json restored_json(const archive::Restored& done, const fs::path& into) {
  return {{"into", into.string()},
          {"backup", done.backup.label},
          {"timeline", done.timeline.value},
          {"lsn", to_string(done.lsn)},
          {"bytes", done.backup.plain_bytes},
          {"segments", done.segments},
          {"copy_ms", done.copy_took.count()},
          {"replay_ms", done.replay_took.count()},
          {"gap", done.gap ? Json(pg::segment_name(*done.gap, done.backup.wal_segment_bytes))
                           : Json(nullptr)}};
}

void print(const archive::Restored& done, const archive::RestoreRequest& request) {
  fmt::print("Restored {} to {} in {}: backup {}, {} WAL segments replayed.\n",
             format_size(done.backup.plain_bytes), request.target.describe(),
             humane_duration(done.copy_took + done.replay_took), done.backup.label, done.segments);
  fmt::print(
      "Every file was compared with the backup's manifest. The cluster is stopped; start it "
      "with:\n  {}/pg_ctl start -D {}\n",
      done.bin_dir.string(), request.into.string());
  if (done.gap)
    fmt::print(
        "WAL from {} on is in the archive, but what lies before it is missing: it could not "
        "be replayed.\n",
        pg::segment_name(*done.gap, done.backup.wal_segment_bytes));
  for (const auto& name : done.backup.unlogged)
    fmt::print("{} is unlogged and empty: unlogged tables are in no backup.\n", name);
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(tools, open_archive(config, which_store(invocation)));
  const StopOnSignal stop;
  TRY(request, request_for(invocation, tools, stop));
  ProgressLine line;
  const auto began = SteadyClock::now();
  request.tell = [&](const archive::RestoreProgress& progress) {
    const auto took = std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
    line.show(phase_text(progress, took));
  };
  TRY(done, archive::restore(request));
  if (invocation.global.json) fmt::print("{}", to_line(restored_json(done, request.into)));
  else print(done, request);
  return 0;
}

}  // namespace

CommandSpec restore_command() {
  return {.name = "restore",
          .summary = "bring the cluster back as it was, into a directory",
          .details =
              "Takes the newest backup before the moment asked for, compares every file with its "
              "manifest while writing, replays the WAL up to that moment in a server that nobody "
              "can reach, and leaves a stopped cluster. The running server is not touched.",
          .example = "pgkeel restore --into /srv/restored --to '2026-11-21 03:00:00'",
          .options = {offsite_option(),
                      {.names = "--into",
                       .value = "DIR",
                       .help = "a directory that is empty or does not exist",
                       .given = OptionSpec::Given::Required},
                      {.names = "--to",
                       .value = "TARGET",
                       .help = "latest, a time, a WAL position, xid:N or name:LABEL"},
                      {.names = "--backup", .value = "ID", .help = "start from this backup"}},
          .run = run};
}

}  // namespace pgkeel::app
