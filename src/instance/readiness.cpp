// See readiness.hpp.
#include "instance/readiness.hpp"

#include <algorithm>
#include <chrono>

#include "base/log.hpp"
#include "instance/ending.hpp"
#include "instance/server_processes.hpp"
#include "runtime/proc.hpp"

namespace pgkeel::instance {
namespace {

constexpr Millis kIntervalMin{5};
constexpr Millis kIntervalMax{100};
constexpr int kIntervalShare = 50;  // 2 %
// A starter that has ended well leaves a postmaster behind; so long its lock file may take.
constexpr Millis kPostmasterAppears{2'000};
// So long the children of a postmaster that ended by itself may take to follow it.
constexpr Millis kLeftoversGo{2'000};

Millis since(SteadyTime start, SteadyTime now) {
  return std::chrono::duration_cast<Millis>(now - start);
}

Error timed_out(const StartedServer& server, SteadyTime now) {
  const auto postmaster = find_postmaster(server.data_dir, server.expected);
  const std::string status =
      postmaster && !postmaster->file.status.empty() ? postmaster->file.status : "no status yet";
  return {ErrorCode::TimedOut, "the server in " + server.data_dir.string() +
                                   " is not ready after " +
                                   humane_duration(since(server.started_at, now)) + " (" + status +
                                   "): " + telling_line(server.log.read())};
}

class ReadinessWait {
 public:
  ReadinessWait(runtime::Loop* loop, StartedServer server, SteadyTime deadline)
      : loop_(loop), server_(std::move(server)), deadline_(deadline) {}

  runtime::Task<Result<StartReport>> run() {
    if (!server_.launch.server) {
      CO_TRY(postmaster, co_await await_postmaster());
      if (!postmaster) co_return report({}, {});
      server_.launch.server = std::move(postmaster);
    }
    auto report = co_await watch(*std::move(server_.launch.server));
    co_return report;
  }

 private:
  // Until postmaster.pid says that this process is up, or the process has ended.
  runtime::Task<Result<StartReport>> watch(runtime::ProcessHandle process) {
    while (true) {
      if (auto up = find_up(process.pid())) co_return report(std::move(up), {});
      const SteadyTime now = loop_->now();
      if (now >= deadline_) co_return fail(timed_out(server_, now));
      const SteadyTime next = now + readiness_interval(since(server_.started_at, now));
      auto exited = co_await process.wait_exit(*loop_, std::min(next, deadline_));
      if (exited) {
        // The collector outlives its postmaster by the last lines, which say why.
        const auto gone =
            co_await await_all_gone(loop_, server_.data_dir, loop_->after(kLeftoversGo));
        if (!gone)
          log_warning("processes of a failed start remain", {{"why", gone.error().detail}});
        co_return report({}, *exited);
      }
      if (exited.error().code != ErrorCode::TimedOut) co_return fail(std::move(exited).error());
    }
  }

  // Until the starter has made a postmaster; nothing when it ended without one.
  runtime::Task<Result<std::optional<runtime::ProcessHandle>>> await_postmaster() {
    SteadyTime give_up = deadline_;
    while (true) {
      if (auto process = open_postmaster()) co_return std::move(process);
      const StarterRun& starter = *server_.launch.starter;
      const SteadyTime now = loop_->now();
      if (starter.ended && give_up == deadline_) {
        CO_TRY_VOID(judge_starter(starter));
        const bool well = (*starter.ended)->exit.ok();
        give_up = std::min(deadline_, well ? now + kPostmasterAppears : now);
      }
      if (now >= deadline_) co_return fail(timed_out(server_, now));
      if (now >= give_up) co_return std::optional<runtime::ProcessHandle>();
      CO_TRY_VOID(co_await loop_->sleep_for(readiness_interval(since(server_.started_at, now))));
    }
  }

  std::optional<runtime::ProcessHandle> open_postmaster() const {
    if (!read_lock_file(server_.data_dir)) return std::nullopt;
    const auto postmaster = find_postmaster(server_.data_dir, server_.expected);
    if (!postmaster) return std::nullopt;
    const ServerProcess process{.pid = postmaster->pid, .start_ticks = postmaster->start_ticks};
    auto handle = open_server_process(process, server_.data_dir);
    if (!handle) return std::nullopt;
    return std::optional<runtime::ProcessHandle>(std::move(*handle));
  }

  // A starter that failed after the server did is the server's story: it is in the log.
  Result<void> judge_starter(const StarterRun& starter) const {
    if (!*starter.ended) return fail(starter.ended->error());
    const runtime::ProcessOutput& output = **starter.ended;
    if (output.exit.ok() || !server_.log.read().empty()) return {};
    return fail(ErrorCode::ServerStartFailed, server_.launch.by + " ended with " +
                                                  output.exit.describe() + ": " +
                                                  telling_line(output.err + output.out));
  }

  // A container's server has the same pid each time; its start tells which one wrote the file.
  bool written_by(const pg::PostmasterPid& file, pid_t pid) const {
    if (server_.expected == Namespace::Own) return file.pid == pid;
    const auto stat = runtime::read_proc_stat(pid);
    const auto started = stat ? runtime::proc_started_at(*stat) : Result<WallTime>(WallTime{});
    const WallTime recorded{std::chrono::seconds(file.started_epoch_s)};
    return started && std::chrono::abs(*started - recorded) <= kStartTimeTolerance;
  }

  std::optional<Postmaster> find_up(pid_t pid) const {
    const auto file = read_lock_file(server_.data_dir);
    if (!file || !is_up(file->status) || !written_by(*file, pid)) return std::nullopt;
    return find_postmaster(server_.data_dir, server_.expected);
  }

  Result<StartReport> report(std::optional<Postmaster> postmaster,
                             std::optional<runtime::ExitStatus> exit) const {
    return StartReport{std::move(postmaster), server_.log.read(), exit};
  }

  runtime::Loop* loop_;
  StartedServer server_;
  SteadyTime deadline_;
};

}  // namespace

Millis readiness_interval(Millis waited) {
  return std::clamp(waited / kIntervalShare, kIntervalMin, kIntervalMax);
}

bool is_up(std::string_view status) { return status == "ready" || status == "standby"; }

runtime::Task<Result<StartReport>> await_ready(runtime::Loop* loop, StartedServer server,
                                               SteadyTime deadline) {
  ReadinessWait wait(loop, std::move(server), deadline);
  auto report = co_await wait.run();
  co_return report;
}

}  // namespace pgkeel::instance
