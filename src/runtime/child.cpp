// fork and exec. The child tells through a close-on-exec pipe which step failed and with what
// errno; end-of-file on it means that exec has succeeded.
#include "runtime/child.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "runtime/child_entry.hpp"
#include "runtime/child_plan.hpp"
#include "runtime/pidfd.hpp"

namespace pgkeel::runtime::detail {
namespace {

std::string describe(Step step, const ProcessSpec& spec) {
  switch (step) {
    case Step::Session: return "start a session";
    case Step::Streams: return "set up standard input and output";
    case Step::Descriptors: return "close inherited descriptors";
    case Step::Account: return fmt::format("become {}", spec.run_as ? spec.run_as->name : "?");
    case Step::Directory: return fmt::format("enter {}", spec.working_dir.native());
    case Step::Execute: return "execute it";
  }
  return "prepare it";
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (auto& text : strings) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Blocks every signal while it lives, so that no handler of ours runs in the child.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

// An ignored SIGCHLD, inherited from whoever started us, would make exit statuses vanish.
void keep_exit_statuses() {
  struct sigaction action{};
  if (::sigaction(SIGCHLD, nullptr, &action) != 0 || action.sa_handler != SIG_IGN) return;
  action.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &action, nullptr);
}

// Moves a descriptor out of 0..2, where the child's own streams go.
Result<void> move_above_streams(Fd& fd) {
  if (fd.get() > STDERR_FILENO) return {};
  Fd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  if (!moved.valid()) return fail_errno(errno, "duplicate a descriptor");
  fd = std::move(moved);
  return {};
}

std::unexpected<Error> fail_spawn(int err, const ProcessSpec& spec, std::string_view step) {
  auto error = Error::from_errno(err, fmt::format("start {}: {}", spec.argv.front(), step));
  error.code = ErrorCode::Spawn;
  error.hint_override.clear();
  return fail(std::move(error));
}

}  // namespace

Result<Fd> open_input(const ProcessSpec& spec) {
  if (spec.input.empty()) {
    Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!fd.valid()) return fail_errno(errno, "open /dev/null");
    return fd;
  }
  Fd fd(::memfd_create("pgkeel-input", MFD_CLOEXEC));
  if (!fd.valid()) return fail_errno(errno, "create a memory file");
  std::string_view rest(spec.input);
  while (!rest.empty()) {
    const auto count = ::write(fd.get(), rest.data(), rest.size());
    if (count < 0 && errno != EINTR) return fail_errno(errno, "fill a memory file");
    if (count > 0) rest.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return fail_errno(errno, "rewind a memory file");
  return fd;
}

Result<Fd> open_output(const ProcessSpec& spec) {
  const auto& path =
      spec.output_file.empty() ? std::filesystem::path("/dev/null") : spec.output_file;
  const auto failed = [&path](int err) {
    return fail_errno(err, fmt::format("open output file {}", path.native()));
  };
  const int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
  Fd fd(::open(path.c_str(), flags));
  if (!fd.valid() && errno == ENOENT) {
    fd = Fd(::open(path.c_str(), flags | O_CREAT | O_EXCL, 0600));
    if (fd.valid() && spec.run_as && ::fchown(fd.get(), spec.run_as->uid, spec.run_as->gid) != 0)
      return failed(errno);
  }
  if (!fd.valid()) return failed(errno);
  if (::fcntl(fd.get(), F_SETFL, O_APPEND) != 0) return failed(errno);  // blocking again
  return fd;
}

void reap_quietly(pid_t pid) {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) != 0 && errno == EINTR) continue;
}

Result<Forked> fork_child(const ProcessSpec& spec, ChildStreams streams, Group group, Gate gate) {
  TRY(plan, plan_child(spec));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_spawn(errno, spec, "make a pipe");
  Fd report_in(ends[0]);
  Fd report_out(ends[1]);
  for (auto* fd : {&streams.in, &streams.out, &streams.err, &report_out})
    TRY_VOID(move_above_streams(*fd));
  const auto arguments = pointers_to(plan.arguments);
  const auto environment = pointers_to(plan.environment);
  const ChildView view{.arguments = arguments.data(),
                       .environment = environment.data(),
                       .plan = &plan,
                       .streams = {streams.in.get(), streams.out.get(), streams.err.get()},
                       .report = report_out.get(),
                       .gate = gate,
                       .parent = ::getpid(),
                       .session = spec.session,
                       .group = group};
  keep_exit_statuses();
  pid_t pid = -1;
  {
    const SignalsBlocked blocked;
    pid = ::fork();
    if (pid == 0) become_program(view);
  }
  if (pid < 0) return fail_spawn(errno, spec, "fork");
  Fd pidfd = open_pidfd(pid);
  if (pidfd.valid()) return Forked{pid, std::move(pidfd), std::move(report_in)};
  const int err = errno;
  ::kill(pid, SIGKILL);  // still ours and unreaped: the number cannot mean another process
  reap_quietly(pid);
  return fail_spawn(err, spec, "hold it by a pidfd");
}

Result<Child> await_exec(const ProcessSpec& spec, Forked child) {
  StepFailure failure{};
  ssize_t count = 0;
  do count = ::read(child.report.get(), &failure, sizeof failure);
  while (count < 0 && errno == EINTR);
  if (count == 0) return Child{child.pid, std::move(child.pidfd)};
  reap_quietly(child.pid);
  if (count != sizeof failure) return fail_spawn(EIO, spec, "learn how it began");
  return fail_spawn(failure.err, spec, describe(failure.step, spec));
}

Result<Child> start_child(const ProcessSpec& spec, ChildStreams streams, Group group) {
  TRY(child, fork_child(spec, std::move(streams), group, Gate{}));
  return await_exec(spec, std::move(child));
}

Result<std::optional<ExitStatus>> reap_child(int pidfd) {
  siginfo_t info{};
  int outcome = 0;
  do outcome = ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG);
  while (outcome != 0 && errno == EINTR);
  if (outcome != 0 && errno == ECHILD) return std::nullopt;
  if (outcome != 0) return fail_errno(errno, "learn how a process ended");
  if (info.si_pid == 0) return std::nullopt;
  if (info.si_code == CLD_EXITED) return ExitStatus{.code = info.si_status, .signal = 0};
  return ExitStatus{.code = 0, .signal = info.si_status};
}

}  // namespace pgkeel::runtime::detail
