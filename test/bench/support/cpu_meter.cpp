// See cpu_meter.hpp.
#include "bench/support/cpu_meter.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <sstream>

#include "runtime/files.hpp"
#include "runtime/proc.hpp"

namespace pgkeel::bench {
namespace {

constexpr std::size_t kProcBytesMax = 4096;
constexpr int kFirstFieldAfterName = 3;  // proc(5) numbers them from 1
constexpr int kChildUserTicks = 16;
constexpr int kSteadyTries = 10;  // children end rarely at rest

// cutime and cstime: what children used that have ended and were waited for.
Result<CpuTime> cpu_of_ended_children(pid_t pid) {
  TRY(text, runtime::read_file(fmt::format("/proc/{}/stat", pid), kProcBytesMax));
  std::istringstream fields(text.substr(text.rfind(')') + 1));  // the name may hold spaces
  std::string skipped;
  for (int field = kFirstFieldAfterName; field < kChildUserTicks; ++field) fields >> skipped;
  std::int64_t user = 0;
  std::int64_t system = 0;
  if (!(fields >> user >> system)) return fail(ErrorCode::Malformed, "no cutime in /proc/PID/stat");
  const auto ticks_per_second = ::sysconf(_SC_CLK_TCK);
  return CpuTime(std::chrono::seconds(user + system)) / ticks_per_second;
}

CpuTime cpu_of_living(pid_t postmaster) {
  CpuTime sum{0};
  for (const auto pid : runtime::list_pids()) {
    const auto stat = runtime::read_proc_stat(pid);
    if (!stat || (pid != postmaster && stat->parent != postmaster)) continue;
    sum += cpu_of(pid).value_or(CpuTime{0});  // just ended: it is in cutime on the next try
  }
  return sum;
}

}  // namespace

Result<CpuTime> cpu_of(pid_t pid) {
  clockid_t clock{};
  if (const int error = ::clock_getcpuclockid(pid, &clock); error != 0)
    return fail_errno(error, fmt::format("find the CPU clock of pid {}", pid));
  timespec used{};
  if (::clock_gettime(clock, &used) != 0)
    return fail_errno(errno, fmt::format("read the CPU clock of pid {}", pid));
  return std::chrono::seconds(used.tv_sec) + CpuTime(used.tv_nsec);
}

Result<CpuTime> cpu_of_server(pid_t postmaster) {
  for (int attempt = 0; attempt < kSteadyTries; ++attempt) {
    TRY(before, cpu_of_ended_children(postmaster));
    const auto living = cpu_of_living(postmaster);
    TRY(after, cpu_of_ended_children(postmaster));
    if (before == after) return before + living;
  }
  return fail(ErrorCode::TimedOut, "the server's children do not rest");
}

Result<double> resident_mb(pid_t pid) {
  TRY(stat, runtime::read_proc_stat(pid));
  return static_cast<double>(stat.rss_bytes) / (1U << 20U);
}

double percent_of_core(CpuTime used, std::chrono::nanoseconds window) {
  return 100.0 * static_cast<double>(used.count()) / static_cast<double>(window.count());
}

}  // namespace pgkeel::bench
