// See child_entry.hpp. No allocation, no locks, no C++ runtime between here and execve.
#include "runtime/child_entry.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace pgkeel::runtime::detail {
namespace {

[[noreturn]] void give_up(const ChildView& child, Step step) {
  const StepFailure failure{step, errno};
  static_cast<void>(::write(child.report, &failure, sizeof failure));
  ::_exit(127);
}

void reset_signals() {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int number = 1; number < NSIG; ++number)
    ::sigaction(number, &action, nullptr);  // fails for KILL, STOP and libc's own: as it should
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// The loop is for kernels before 5.11, which do not know the flag.
bool close_others_on_exec() {
  constexpr int kDescriptorsMax = 65536;
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  for (int fd = 3; fd < kDescriptorsMax; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return true;
}

// Raw system calls: the libc wrappers signal threads that do not exist in the child. Groups first,
// the user last, since each step takes away the right to the one before.
bool become(const ChildPlan& plan) {
  const auto uid = plan.run_as->uid;
  const auto gid = plan.run_as->gid;
  return ::syscall(SYS_setgroups, plan.groups.size(), plan.groups.data()) == 0 &&
         ::syscall(SYS_setresgid, gid, gid, gid) == 0 &&
         ::syscall(SYS_setresuid, uid, uid, uid) == 0;
}

// Ends with the parent, whose end of the pipe is closed then.
void await_gate(const Gate& gate) {
  if (gate.in < 0) return;
  ::close(gate.out);
  char go = 0;
  ssize_t count = 0;
  do count = ::read(gate.in, &go, 1);
  while (count < 0 && errno == EINTR);
  if (count != 1) ::_exit(127);
}

// A directory that the account may not enter (root's home) would make PostgreSQL's tools complain.
bool enter_directory(const ChildPlan& plan) {
  if (!plan.working_dir.empty()) return ::chdir(plan.working_dir.c_str()) == 0;
  if (plan.run_as && ::access(".", X_OK) != 0) return ::chdir("/") == 0;
  return true;
}

// A child of this session ends with us, even when we are killed.
void die_with_parent(const ChildView& child) {
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != child.parent) ::_exit(127);  // we died before the line above
}

}  // namespace

void become_program(const ChildView& child) {
  await_gate(child.gate);
  if (child.session == ProcessSpec::Session::New) {
    if (::setsid() < 0) give_up(child, Step::Session);
  } else if (child.group == Group::Own) {
    if (::setpgid(0, 0) != 0) give_up(child, Step::Session);
  }
  for (int target = 0; target < 3; ++target)
    if (::dup2(child.streams[static_cast<std::size_t>(target)], target) < 0)
      give_up(child, Step::Streams);
  if (!close_others_on_exec()) give_up(child, Step::Descriptors);
  if (child.plan->run_as && !become(*child.plan)) give_up(child, Step::Account);
  if (!enter_directory(*child.plan)) give_up(child, Step::Directory);
  if (child.session == ProcessSpec::Session::Inherit) die_with_parent(child);
  reset_signals();
  ::execve(child.plan->executable.c_str(), child.arguments, child.environment);
  give_up(child, Step::Execute);
}

}  // namespace pgkeel::runtime::detail
