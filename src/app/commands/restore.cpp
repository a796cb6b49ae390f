// pgkeel restore: a cluster as it was, in a directory of its own.
#include <fmt/format.h>

#include "app/archive/progress.hpp"
#include "app/archive/restoring.hpp"
#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "app/shadow/ended_shadow.hpp"
#include "archive/restore/restore.hpp"
#include "base/log.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;

Json restored_json(const archive::Restored& done, const fs::path& into) {
  return {{"into", into.string()},
          {"from", done.brought ? "shadow" : "backup"},
          {"backup", done.backup.label},
          {"timeline", done.timeline.value},
          {"followed", done.followed.value},
          {"abandoned", done.abandoned ? Json({{"timeline", done.abandoned->timeline.value},
                                               {"left_at", to_string(done.abandoned->left_at)}})
                                       : Json(nullptr)},
          {"lsn", to_string(done.lsn)},
          {"bytes", done.backup.plain_bytes},
          {"segments", done.segments},
          {"copy_ms", done.copy_took.count()},
          {"replay_ms", done.replay_took.count()},
          {"gap", done.gap ? Json(pg::segment_name(*done.gap, done.backup.wal_segment_bytes))
                           : Json(nullptr)}};
}

std::string how_to_start(const archive::RestoreRequest& request, const archive::Restored& done) {
  if (!request.image)
    return fmt::format("start it with:\n  {}/pg_ctl start -D {}", done.bin_dir.string(),
                       request.into.string());
  return fmt::format(
      "it was replayed by the image {}: mount {} where a container of it has its data.",
      request.image->image, request.into.string());
}

void print(const archive::Restored& done, const archive::RestoreRequest& request) {
  fmt::print("Restored {} to {} in {}: {}, {} WAL segments replayed.\n",
             format_size(done.backup.plain_bytes), request.target.describe(),
             humane_duration(done.copy_took + done.replay_took),
             done.brought ? "the shadow" : "backup " + done.backup.label, done.segments);
  if (!done.brought) fmt::print("Every file was compared with the backup's manifest. ");
  fmt::print("The cluster is stopped; {}\n", how_to_start(request, done));
  if (done.gap)
    fmt::print(
        "WAL from {} on is in the archive, but what lies before it is missing: it could not "
        "be replayed.\n",
        pg::segment_name(*done.gap, done.backup.wal_segment_bytes));
  if (done.abandoned)
    fmt::print(
        "Timeline {0} went on after {1}, where timeline {2} left it: what was committed there is "
        "not in this restore. '--timeline {0}' restores that branch.\n",
        done.abandoned->timeline.value, to_string(done.abandoned->left_at), done.followed.value);
  for (const auto& name : done.backup.unlogged)
    fmt::print("{} is unlogged and empty: unlogged tables are in no backup.\n", name);
}

// The copy that needs the least to be replayed; the backup when it cannot be had.
std::optional<EndedShadow> shadow_to_take(const Invocation& invocation, const Config& config,
                                          const archive::RestoreRequest& request) {
  const bool latest = request.target.kind == archive::RecoveryTarget::Kind::Latest;
  if (!invocation.has("--from-shadow") || !config.shadow.enabled || !latest || request.label)
    return std::nullopt;
  auto ended = EndedShadow::end(config);
  if (ended) return *std::move(ended);
  log_warning("the shadow is not taken", {{"why", ended.error().message()}});
  return std::nullopt;
}

Result<bool> take(const EndedShadow& shadow, const fs::path& into, SystemId system_id) {
  auto taken = shadow.copy().hand_over(into, system_id);
  if (taken) return taken;
  log_warning("the shadow is not taken", {{"why", taken.error().message()}});
  return false;
}

Result<int> run_into(const Invocation& invocation, const std::string& into) {
  TRY(config, invocation.load());
  TRY(tools, open_archive(config, which_store(invocation)));
  const StopOnSignal stop;
  TRY(request, asked_restore(invocation, tools, stop));
  request.into = fs::absolute(into).lexically_normal();
  ProgressLine line;
  const auto began = SteadyClock::now();
  request.tell = [&](const archive::RestoreProgress& progress) {
    const auto took = std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
    line.show(phase_text(progress, took));
  };
  const auto shadow = shadow_to_take(invocation, config, request);
  if (shadow)
    request.bring_copy = [&shadow](const fs::path& place, SystemId system_id) {
      return take(*shadow, place, system_id);
    };
  TRY(done, archive::restore(request));
  if (invocation.global.json) fmt::print("{}", to_line(restored_json(done, request.into)));
  else print(done, request);
  return 0;
}

Result<int> run(const Invocation& invocation) {
  const auto into = invocation.value("--into");
  if (into.has_value() == invocation.has("--in-place"))
    return fail(Error(ErrorCode::Usage,
                      into ? "--into and --in-place were both given" : "it was not said where to")
                    .with_hint("Give --into DIR for a directory of its own, or --in-place for the "
                               "place of the data directory."));
  return into ? run_into(invocation, *into) : run_restore_in_place(invocation);
}

}  // namespace

CommandSpec restore_command() {
  return {
      .name = "restore",
      .summary = "bring the cluster back as it was, into a directory or in place",
      .details =
          "Takes the newest backup before the moment asked for, compares every file with its "
          "manifest while writing, replays the WAL up to that moment in a server that nobody "
          "can reach, and leaves a stopped cluster. With --into a running server is not touched. "
          "With --in-place, of a server that is stopped, all of that happens beside it; then "
          "the data directory is renamed aside, where it is kept, and the restored one takes "
          "its place. It only says what it would do until --yes is given; a run that was "
          "killed is finished by the next one.",
      .example = "pgkeel restore --into /srv/restored --to '2026-11-21 03:00:00'",
      .options = {offsite_option(),
                  {.names = "--into",
                   .value = "DIR",
                   .help = "a directory that is empty or does not exist"},
                  {.names = "--in-place",
                   .help = "the place of the data directory, which is kept beside it"},
                  {.names = "--from-shadow",
                   .help = "with --into: take the shadow's copy, which is built anew then, "
                           "instead of the backup's files"},
                  {.names = "--yes", .help = "do it, with --in-place"},
                  {.names = "--to",
                   .value = "TARGET",
                   .help = "latest, a time, a WAL position, xid:N or name:LABEL"},
                  {.names = "--timeline",
                   .value = "N",
                   .help = "follow this timeline instead of the newest one"},
                  {.names = "--backup", .value = "ID", .help = "start from this backup"}},
      .run = run};
}

}  // namespace pgkeel::app
