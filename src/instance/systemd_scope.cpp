// See systemd_scope.hpp. The call is StartTransientUnit of org.freedesktop.systemd1(5), made on
// the manager's own socket as systemctl makes it: a bus daemon need not be installed, nor well.
#include "instance/systemd_scope.hpp"

#include <sys/stat.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/log.hpp"
#include "runtime/account.hpp"
#include "runtime/files.hpp"

namespace pgkeel::instance {
namespace {

constexpr Millis kBusTimeout{1'000};  // a server that waits to begin waits no longer than this
constexpr Millis kMoveTimeout{1'000};
constexpr Millis kMovedEvery{1};
constexpr Seconds kStopTimeout{3'600};  // what Debian gives its own unit for the last checkpoint
constexpr std::size_t kCgroupBytesMax = 64U << 10U;
constexpr const char* kManagerSocket = "unix:path=/run/systemd/private";

struct CloseBus {
  void operator()(sd_bus* bus) const { ::sd_bus_close_unref(bus); }
};
using Bus = std::unique_ptr<sd_bus, CloseBus>;

struct DropMessage {
  void operator()(sd_bus_message* message) const { ::sd_bus_message_unref(message); }
};
using Message = std::unique_ptr<sd_bus_message, DropMessage>;

std::uint64_t microseconds_until(SteadyTime deadline) {
  const auto left = deadline - std::chrono::steady_clock::now();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(
      0, std::chrono::duration_cast<std::chrono::microseconds>(left).count()));
}

// A call would wait for the greeting without a limit of ours.
Result<Bus> open_manager(SteadyTime deadline) {
  sd_bus* made = nullptr;
  if (const int error = ::sd_bus_new(&made); error < 0)
    return fail_errno(-error, "make a bus connection");
  Bus bus(made);
  int outcome = ::sd_bus_set_address(made, kManagerSocket);
  if (outcome >= 0) outcome = ::sd_bus_start(made);
  while (outcome >= 0 && ::sd_bus_is_ready(made) <= 0) {
    outcome = ::sd_bus_process(made, nullptr);
    if (outcome != 0) continue;
    const auto left = microseconds_until(deadline);
    outcome = left == 0 ? -ETIMEDOUT : ::sd_bus_wait(made, left);
  }
  if (outcome < 0) return fail_errno(-outcome, std::string("reach systemd at ") + kManagerSocket);
  return bus;
}

enum class OnMemory { Continue, AsSystemdDoes };

// All answers are 0 or more, or the first error.
int append_properties(sd_bus_message* message, pid_t pid, const std::string& data_dir,
                      OnMemory on_memory) {
  const auto number = static_cast<std::uint32_t>(pid);
  const auto stop_us = static_cast<std::uint64_t>(std::chrono::microseconds(kStopTimeout).count());
  int outcome = ::sd_bus_message_open_container(message, 'a', "(sv)");
  const auto append = [&](const char* name, const char* type, auto... values) {
    if (outcome >= 0) outcome = ::sd_bus_message_append(message, "(sv)", name, type, values...);
  };
  append("PIDs", "au", 1, number);
  append("Description", "s", "PostgreSQL started by pgkeel");
  append("CollectMode", "s", "inactive-or-failed");
  append("TimeoutStopUSec", "t", stop_us);
  append("After", "as", 1, "network.target");
  append("RequiresMountsFor", "as", 1, data_dir.c_str());
  if (on_memory == OnMemory::Continue) append("OOMPolicy", "s", "continue");
  if (outcome >= 0) outcome = ::sd_bus_message_close_container(message);
  return outcome;
}

// The server starts once it is there or refused for good: one deadline for both ways to ask.
Result<ScopeAnswer> start_scope(sd_bus* bus, pid_t pid, const std::string& data_dir,
                                OnMemory on_memory, SteadyTime deadline) {
  sd_bus_message* made = nullptr;
  int outcome = ::sd_bus_message_new_method_call(
      bus, &made, "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
      "org.freedesktop.systemd1.Manager", "StartTransientUnit");
  const Message message(made);
  if (outcome >= 0) outcome = ::sd_bus_message_append(made, "ss", scope_name(pid).c_str(), "fail");
  if (outcome >= 0) outcome = append_properties(made, pid, data_dir, on_memory);
  if (outcome >= 0) outcome = ::sd_bus_message_append(made, "a(sa(sv))", 0);
  if (outcome < 0) return fail_errno(-outcome, "write a call to systemd");
  sd_bus_error error = SD_BUS_ERROR_NULL;
  // 0 would be the library's own limit.
  const auto limit = std::max<std::uint64_t>(microseconds_until(deadline), 1);
  outcome = ::sd_bus_call(bus, made, limit, &error, nullptr);
  const auto answer = read_scope_answer(outcome, error.name == nullptr ? "" : error.name);
  std::string words = error.message == nullptr ? "" : error.message;
  ::sd_bus_error_free(&error);
  if (answer == ScopeAnswer::Refused)
    return fail(ErrorCode::ServerStartFailed, "systemd refuses a scope: " + words);
  return answer;
}

// A systemd before 253 that knows no OOMPolicy of scopes ends none for memory either.
Result<ScopeAnswer> ask_for_scope(pid_t pid, const std::string& data_dir, SteadyTime deadline) {
  TRY(bus, open_manager(deadline));
  TRY(answer, start_scope(bus.get(), pid, data_dir, OnMemory::Continue, deadline));
  if (answer != ScopeAnswer::KnowsNoPolicy) return answer;
  return start_scope(bus.get(), pid, data_dir, OnMemory::AsSystemdDoes, deadline);
}

bool is_in_scope(pid_t pid) {
  const auto groups =
      runtime::read_file("/proc/" + std::to_string(pid) + "/cgroup", kCgroupBytesMax);
  return groups && groups->find("/" + scope_name(pid)) != std::string::npos;
}

}  // namespace

bool systemd_runs() {
  struct stat status{};
  return ::lstat("/run/systemd/system", &status) == 0 && S_ISDIR(status.st_mode);
}

// systemd says of a property that it is read-only where it does not know it.
ScopeAnswer read_scope_answer(int outcome, std::string_view error_name) {
  if (outcome >= 0) return ScopeAnswer::Begun;
  if (error_name == "org.freedesktop.systemd1.UnitExists") return ScopeAnswer::MayHaveBegun;
  if (error_name == SD_BUS_ERROR_PROPERTY_READ_ONLY || error_name == SD_BUS_ERROR_UNKNOWN_PROPERTY)
    return ScopeAnswer::KnowsNoPolicy;
  const bool late = outcome == -ETIMEDOUT || error_name == SD_BUS_ERROR_NO_REPLY ||
                    error_name == SD_BUS_ERROR_TIMEOUT;
  return late ? ScopeAnswer::MayHaveBegun : ScopeAnswer::Refused;
}

std::string scope_name(pid_t pid) { return "pgkeel-postgresql-" + std::to_string(pid) + ".scope"; }

runtime::Task<void> move_to_scope(runtime::Loop* loop, pid_t pid, std::filesystem::path data_dir) {
  if (!runtime::running_as_root()) co_return;
  const auto asked = co_await loop->run_blocking(
      [&] { return ask_for_scope(pid, data_dir.string(), loop->after(kBusTimeout)); });
  const auto until = loop->after(asked ? kMoveTimeout : Millis(0));
  while (!is_in_scope(pid) && loop->now() < until)
    static_cast<void>(co_await loop->sleep_for(kMovedEvery));
  if (is_in_scope(pid)) co_return;
  log_warning("server stays in the guard's unit",
              {{"pid", pid}, {"why", asked ? "systemd did not move it" : asked.error().message()}});
}

}  // namespace pgkeel::instance
