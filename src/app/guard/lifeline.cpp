// See lifeline.hpp. {"pid":..,"start_ticks":..,"boot":"..","started_at":"..","stopped_at":".."};
// the file's own time is the last sign of life.
#include "app/guard/lifeline.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "app/json_read.hpp"
#include "base/log.hpp"
#include "runtime/files.hpp"
#include "runtime/proc.hpp"

namespace pgkeel::app {
namespace {

using diagnose::Predecessor;

constexpr Seconds kSignEvery{5};  // how exactly a gap is known; each wakes a thread
constexpr int kSignsMissed = 3;   // a busy machine may leave out a few
constexpr std::size_t kFileBytesMax = 4096;
constexpr auto kName = "guard.life";

std::int64_t start_ticks_of(pid_t pid) {
  const auto stat = runtime::read_proc_stat(pid);
  return stat ? static_cast<std::int64_t>(stat->start_ticks) : 0;
}

Json own_sign(WallTime started) {
  return {{"pid", ::getpid()},
          {"start_ticks", start_ticks_of(::getpid())},
          {"boot", runtime::boot_id()},
          {"started_at", to_iso8601(started)},
          {"stopped_at", nullptr}};
}

std::optional<WallTime> changed_at(const std::filesystem::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return std::nullopt;
  return WallTime{Seconds(status.st_mtim.tv_sec) +
                  std::chrono::microseconds(status.st_mtim.tv_nsec / 1000)};
}

Result<void> write_sign(const std::filesystem::path& file, const Json& sign) {
  return runtime::write_file_atomic(file, to_line(sign));
}

bool is_alive(const Json& sign) {
  const auto pid = static_cast<pid_t>(number_of(sign, "pid").value_or(0));
  return pid > 0 && start_ticks_of(pid) == number_of(sign, "start_ticks").value_or(-1);
}

}  // namespace

Lifeline::Lifeline(const std::filesystem::path& state_dir)
    : file_(state_dir / kName), started_(wall_now()) {}

std::optional<Predecessor> Lifeline::killed() const {
  auto guard = ended_untold();
  if (!guard) return guard;
  const auto silent = wall_now() - guard->last_seen;
  const WallTime::duration moment = kSignsMissed * kSignEvery;
  return silent > -moment && silent < moment ? std::nullopt : guard;
}

std::optional<Predecessor> Lifeline::ended_untold() const {
  const auto text = runtime::read_file(file_, kFileBytesMax);
  const auto seen = changed_at(file_);
  if (!text || !seen) return std::nullopt;
  const auto sign = parse_json(*text);
  if (!sign || !member(*sign, "stopped_at").is_null()) return std::nullopt;
  if (text_of(*sign, "boot") != runtime::boot_id() || is_alive(*sign)) return std::nullopt;
  Predecessor guard;
  guard.pid = static_cast<pid_t>(number_of(*sign, "pid").value_or(0));
  guard.started = time_of(*sign, "started_at").value_or(*seen);
  guard.last_seen = *seen;
  guard.until = std::max(wall_now(), *seen);
  guard.still = true;
  return guard;
}

Result<std::optional<Predecessor>> Lifeline::begin() {
  auto guard = ended_untold();
  if (guard) guard->still = false;
  TRY_VOID(write_sign(file_, own_sign(started_)));
  begun_ = true;
  return guard;
}

// A state disk that hangs holds up a thread of the pool and not the guard.
runtime::Task<void> Lifeline::run(runtime::Loop* loop) {
  while (true) {
    co_await loop->run_blocking(
        [file = file_] { static_cast<void>(::utimensat(AT_FDCWD, file.c_str(), nullptr, 0)); });
    static_cast<void>(co_await loop->sleep_in_step(kSignEvery));
  }
}

void Lifeline::end() {
  if (!begun_) return;
  auto sign = own_sign(started_);
  sign["stopped_at"] = to_iso8601(wall_now());
  const auto written = write_sign(file_, sign);
  if (!written) log_warning("the stop is not noted", {{"why", written.error().message()}});
}

}  // namespace pgkeel::app
