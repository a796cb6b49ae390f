// See held_process.hpp.
#include "runtime/held_process.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "runtime/child.hpp"

namespace pgkeel::runtime {

HeldProcess::HeldProcess(ProcessSpec spec, pid_t pid, Fd pidfd, Fd report, Fd gate_in, Fd gate)
    : spec_(std::move(spec)),
      pid_(pid),
      pidfd_(std::move(pidfd)),
      report_(std::move(report)),
      gate_in_(std::move(gate_in)),
      gate_(std::move(gate)) {}

Result<HeldProcess> HeldProcess::start(const ProcessSpec& spec) {
  TRY(in, detail::open_input(spec));
  TRY(out, detail::open_output(spec));
  TRY(err, detail::open_output(spec));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail_errno(errno, "make a pipe");
  Fd theirs(ends[0]);
  Fd ours(ends[1]);
  detail::ChildStreams streams{std::move(in), std::move(out), std::move(err)};
  TRY(child, detail::fork_child(spec, std::move(streams), detail::Group::Inherit,
                                detail::Gate{theirs.get(), ours.get()}));
  return HeldProcess(spec, child.pid, std::move(child.pidfd), std::move(child.report),
                     std::move(theirs), std::move(ours));
}

HeldProcess::~HeldProcess() {
  if (!gate_.valid()) return;
  gate_.reset();
  detail::reap_quietly(pid_);
}

Result<ProcessHandle> HeldProcess::release() {
  constexpr char kGo = 'g';
  ssize_t count = 0;
  do count = ::write(gate_.get(), &kGo, 1);
  while (count < 0 && errno == EINTR);
  if (count != 1) return fail_errno(errno, "let " + spec_.argv.front() + " begin");
  gate_.reset();
  TRY(child,
      detail::await_exec(spec_, detail::Forked{pid_, std::move(pidfd_), std::move(report_)}));
  return ProcessHandle(child.pid, std::move(child.pidfd));
}

}  // namespace pgkeel::runtime
