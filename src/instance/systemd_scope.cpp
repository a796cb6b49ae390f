// See systemd_scope.hpp; the call is described in org.freedesktop.systemd1(5).
#include "instance/systemd_scope.hpp"

#include <sys/stat.h>

#include "base/log.hpp"
#include "runtime/account.hpp"
#include "runtime/process.hpp"

namespace pgkeel::instance {
namespace {

constexpr Millis kBusTimeout{5'000};  // a bus that takes longer is no help

}  // namespace

bool systemd_runs() {
  struct stat status{};
  return ::lstat("/run/systemd/system", &status) == 0 && S_ISDIR(status.st_mode);
}

std::vector<std::string> scope_command(pid_t pid) {
  const std::string number = std::to_string(pid);
  return {"busctl", "call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
          "org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))",
          "pgkeel-postgresql-" + number + ".scope", "fail",
          // Two properties: the process that moves, and a name for people.
          "2", "PIDs", "au", "1", number, "Description", "s", "PostgreSQL started by pgkeel",
          // No auxiliary units.
          "0"};
}

runtime::Task<void> move_to_scope(runtime::Loop* loop, pid_t pid) {
  if (!runtime::running_as_root()) co_return;
  runtime::ProcessSpec spec;
  spec.argv = scope_command(pid);
  const auto output =
      co_await runtime::run_process(*loop, std::move(spec), loop->after(kBusTimeout));
  if (output && output->exit.ok()) co_return;
  log_warning("server stays in the guard's unit",
              {{"pid", pid}, {"reason", output ? output->err : output.error().message()}});
}

}  // namespace pgkeel::instance
