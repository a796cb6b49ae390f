// Processes held by pidfd; children are started in child.cpp, run to their end in run_process.cpp.
#include "runtime/process.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <cerrno>
#include <cstring>

#include "runtime/child.hpp"
#include "runtime/pidfd.hpp"

namespace pgkeel::runtime {
namespace {

std::unexpected<Error> fail_gone(pid_t pid) {
  return fail(Error(ErrorCode::NotFound, fmt::format("no process {}", pid))
                  .with_hint("It has ended; look at 'pgkeel status' for the one running now."));
}

}  // namespace

std::string ExitStatus::describe() const {
  if (signal == 0) return fmt::format("exit code {}", code);
  const char* name = ::sigabbrev_np(signal);
  return name == nullptr ? fmt::format("signal {}", signal)
                         : fmt::format("signal {} (SIG{})", signal, name);
}

Result<ProcessHandle> ProcessHandle::open(pid_t pid) {
  if (pid <= 0) return fail_gone(pid);
  Fd fd = detail::open_pidfd(pid);
  if (fd.valid()) return ProcessHandle(pid, std::move(fd));
  if (errno == ESRCH || errno == EINVAL) return fail_gone(pid);  // EINVAL: the id of a thread
  return fail_errno(errno, fmt::format("hold process {}", pid));
}

bool ProcessHandle::alive() const {
  pollfd entry{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  return ::poll(&entry, 1, 0) == 0;
}

Result<void> ProcessHandle::signal(int number) const {
  if (detail::signal_pidfd(fd_.get(), number)) return {};
  if (errno == ESRCH) return fail_gone(pid_);
  return fail_errno(errno, fmt::format("send signal {} to process {}", number, pid_));
}

Task<Result<std::optional<ExitStatus>>> ProcessHandle::wait_exit(Loop& loop, SteadyTime deadline,
                                                                 std::stop_token stop) const {
  const int pidfd = fd_.get();
  const auto ended = co_await loop.wait_readable(pidfd, deadline, std::move(stop));
  if (!ended) co_return fail(ended.error());
  co_return detail::reap_child(pidfd);
}

Result<ProcessHandle> start_process(const ProcessSpec& spec) {
  TRY(in, detail::open_input(spec));
  TRY(out, detail::open_output(spec));
  TRY(err, detail::open_output(spec));
  detail::ChildStreams streams{std::move(in), std::move(out), std::move(err)};
  TRY(child, detail::start_child(spec, std::move(streams), detail::Group::Inherit));
  return ProcessHandle(child.pid, std::move(child.pidfd));
}

}  // namespace pgkeel::runtime
