// pgkeel backup now: a full base backup, and the WAL that makes it one.
#include <fmt/format.h>

#include <thread>

#include "app/archive/progress.hpp"
#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "archive/base_backup/base_backup.hpp"
#include "archive/catalog/layout.hpp"
#include "archive/catalog/lease.hpp"
#include "archive/catalog/marker.hpp"
#include "archive/catalog/wal_index.hpp"
#include "archive/receive/receive.hpp"
#include "archive/receive/server.hpp"
#include "archive/receive/status.hpp"
#include "base/log.hpp"
#include "runtime/process.hpp"

namespace pgkeel::app {
namespace {

constexpr Seconds kReceiverPatience{60};  // to connect, make its slot and stream
constexpr Millis kLookEvery{200};
constexpr Seconds kWalPatience{600};  // the last segment has to reach a slow store
constexpr Seconds kReceiverEnds{30};

struct Job {
  ArchiveTools tools;
  ServerTarget server;
  archive::ServerIdentity identity;
};

Result<void> pause(const StopOnSignal& stop) {
  if (stop.token().stop_requested()) return fail(ErrorCode::Cancelled, "the backup was stopped");
  std::this_thread::sleep_for(kLookEvery);
  return {};
}

Result<archive::ServerIdentity> identify_server(const ServerTarget& server) {
  TRY(session,
      client::ReplicationSession::open(server.conninfo, {.connect_as = server.connect_as}));
  return archive::identify(session);
}

Result<archive::ServerPosition> position_of(const ServerTarget& server) {
  TRY(identity, identify_server(server));
  return archive::ServerPosition{identity.timeline, identity.flushed};
}

// Whose archive this is, and whether this machine may write it: before the first byte.
Result<void> claim(const Job& job) {
  TRY_VOID(archive::claim_archive(
      *job.tools.store, {job.identity.system_id, job.identity.segment_bytes, wall_now()}));
  TRY(writer, archive::Writer::open(job.tools.config.state_dir));
  return writer.renew(*job.tools.store, [&job] { return position_of(job.server); });
}

bool receiver_streams(const Config& config) {
  const auto status = archive::read_receive_status(config.state_dir / archive::kReceiveStatusFile);
  const bool streaming = status && (status->state == archive::ReceiveState::Streaming ||
                                    status->state == archive::ReceiveState::CatchingUp);
  const auto process = status ? runtime::ProcessHandle::open(status->pid)
                              : Result<runtime::ProcessHandle>(fail(ErrorCode::NotFound, ""));
  return streaming && process && process->alive();
}

// WAL has to be received from before the backup begins. The guard's receiver does; without a guard
// one is run for as long as the backup takes.
class Receiver {
 public:
  static Result<Receiver> ensure(const Config& config, const StopOnSignal& stop) {
    Receiver receiver;
    if (receiver_streams(config)) return receiver;
    runtime::ProcessSpec spec;
    spec.argv = own_command(config, {"receive"});
    spec.output_file = config.state_dir / "receive.log";
    TRY(process, runtime::start_process(spec));
    receiver.process_ = std::make_unique<runtime::ProcessHandle>(std::move(process));
    const auto until = SteadyClock::now() + kReceiverPatience;
    while (!receiver_streams(config)) {
      if (SteadyClock::now() >= until) return fail(why_not(config));
      TRY_VOID(pause(stop));
    }
    return receiver;
  }
  Receiver(Receiver&&) = default;
  Receiver& operator=(Receiver&&) = delete;
  ~Receiver() {
    if (!process_ || !process_->alive()) return;
    static_cast<void>(process_->signal(SIGTERM));
    runtime::Loop loop;
    static_cast<void>(
        loop.run_until_complete(process_->wait_exit(loop, loop.after(kReceiverEnds))));
  }

 private:
  Receiver() = default;
  static Error why_not(const Config& config) {
    const auto status =
        archive::read_receive_status(config.state_dir / archive::kReceiveStatusFile);
    Error error(ErrorCode::TimedOut, "the WAL receiver does not get its stream");
    if (status && status->last_error) {
      error.detail += ": " + status->last_error->message;
      error.hint_override = status->last_error->hint;
    }
    return error;
  }
  std::unique_ptr<runtime::ProcessHandle> process_;  // none: somebody else's, or moved from
};

std::string phase_text(const archive::BackupProgress& progress, Millis took) {
  switch (progress.phase) {
    case archive::BackupProgress::Phase::Checkpoint: return "waiting for the server's checkpoint";
    case archive::BackupProgress::Phase::Copy:
      return "backing up " + amount_text(progress.bytes_done, progress.bytes_total, took);
    case archive::BackupProgress::Phase::Finish: return "finishing";
  }
  return {};
}

Result<archive::Backup> make_backup(const Job& job, const StopOnSignal& stop, ProgressLine& line) {
  const auto began = SteadyClock::now();
  archive::BackupRequest request;
  request.conninfo = job.server.conninfo;
  request.connect_as = job.server.connect_as;
  request.store = job.tools.store.get();
  request.encoding = job.tools.encoding(2);
  request.label = archive::time_label(wall_now());
  request.bytes_per_s_max = job.tools.config.archive.max_rate;
  request.expected_system = job.identity.system_id;
  request.made_by = "pgkeel " PGKEEL_VERSION;
  request.wake_fd = stop.wake_fd();
  request.progress = [&](const archive::BackupProgress& progress) {
    const auto took = std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
    line.show(phase_text(progress, took));
  };
  request.warn = [](std::string_view text) { log_warning(text, {}); };
  return archive::make_base_backup(request);
}

// Without the WAL written while it ran a backup cannot be restored.
Result<void> await_wal(const Job& job, const archive::Backup& backup, const StopOnSignal& stop,
                       ProgressLine& line) {
  const auto until = SteadyClock::now() + kWalPatience;
  const auto name = pg::segment_name(backup.last_segment(), backup.wal_segment_bytes);
  while (true) {
    TRY(key, archive::find_wal(*job.tools.store, name, backup.wal_segment_bytes));
    if (key) return {};
    if (SteadyClock::now() >= until)
      return fail(Error(ErrorCode::TimedOut,
                        fmt::format("backup {} is stored, but its WAL up to {} is not in the "
                                    "archive yet",
                                    backup.label, name))
                      .with_hint("'pgkeel status' shows what keeps the receiver from it; the "
                                 "backup becomes usable when the WAL has arrived."));
    line.show("waiting for WAL " + name);
    TRY_VOID(pause(stop));
  }
}

Json backup_json(const archive::Backup& backup, Millis took) {
  return {{"backup", backup.label},
          {"system_identifier", to_string(backup.system_id)},
          {"timeline", backup.timeline.value},
          {"start_lsn", to_string(backup.start_lsn)},
          {"stop_lsn", to_string(backup.stop_lsn)},
          {"plain_bytes", backup.plain_bytes},
          {"stored_bytes", backup.stored_bytes},
          {"shards", backup.shards.size()},
          {"took_ms", took.count()}};
}

void print(const archive::Backup& backup, const ArchiveTools& tools, Millis took) {
  fmt::print("Backup {} of {} in {}: {} stored in {}, WAL up to {} archived.\n", backup.label,
             format_size(backup.plain_bytes), humane_duration(took),
             format_size(backup.stored_bytes), tools.store->describe(), to_string(backup.stop_lsn));
  fmt::print("It is proven once 'pgkeel backup drill' has restored it.\n");
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  const auto lock = lock_job(config, "backup");
  if (!lock) return fail(lock.error());
  TRY(tools, open_archive(config));
  TRY(server, find_server_target(config));
  TRY(identity, identify_server(server));
  const Job job{std::move(tools), std::move(server), identity};
  TRY_VOID(claim(job));
  const StopOnSignal stop;
  const auto began = SteadyClock::now();
  const auto receiver = Receiver::ensure(config, stop);
  if (!receiver) return fail(receiver.error());
  ProgressLine line;
  TRY(backup, make_backup(job, stop, line));
  TRY_VOID(await_wal(job, backup, stop, line));
  const auto took = std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
  if (invocation.global.json) fmt::print("{}", to_line(backup_json(backup, took)));
  else print(backup, job.tools, took);
  return 0;
}

}  // namespace

CommandSpec backup_now_command() {
  return {.name = "backup now",
          .summary = "make a full backup",
          .details =
              "Over a connection that may replicate; nothing has to be installed beside the "
              "server. The backup counts when its WAL is in the archive as well.",
          .example = "pgkeel backup now",
          .run = run};
}

}  // namespace pgkeel::app
