// SignalWatcher over signalfd(2).
#include "runtime/signals.hpp"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace pgkeel::runtime {

Result<SignalWatcher> SignalWatcher::create(Loop& loop, std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals)
    if (sigaddset(&set, number) != 0) return fail_errno(errno, "watch a signal");
  const int err = pthread_sigmask(SIG_BLOCK, &set, nullptr);
  if (err != 0) return fail_errno(err, "block signals");
  Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid()) return fail_errno(errno, "watch signals");
  return SignalWatcher(loop, std::move(fd));
}

Task<Result<int>> SignalWatcher::next(SteadyTime deadline, std::stop_token stop) {
  while (true) {
    signalfd_siginfo info{};
    const auto count = ::read(fd_.get(), &info, sizeof info);
    if (count == sizeof info) co_return static_cast<int>(info.ssi_signo);
    if (count < 0 && errno != EAGAIN && errno != EINTR) co_return fail_errno(errno, "read signals");
    CO_TRY_VOID(co_await loop_->wait_readable(fd_.get(), deadline, stop));
  }
}

}  // namespace pgkeel::runtime
