// See control_keeper.hpp.
#include "recover/control_keeper.hpp"

#include "base/log.hpp"
#include "recover/control_copy.hpp"
#include "runtime/file_watch.hpp"

namespace pgkeel::recover {
namespace {

using runtime::Task;

constexpr Seconds kLookEvery{60};  // where the kernel gives no word
constexpr Seconds kTryAgain{1};

}  // namespace

bool ControlKeeper::may_copy() const {
  const auto& seen = services_.senses.observation();
  return known_.identity && seen.login.ok() && !seen.login.in_recovery &&
         seen.process.state == sense::ProcessState::Running;
}

void ControlKeeper::copy() {
  if (!may_copy()) return;
  const auto kept =
      keep_control_copy(services_.state_dir, services_.instance.data_dir(), *known_.identity);
  const auto problem = kept ? std::string() : kept.error().message();
  if (problem != problem_ && !problem.empty())
    log_warning("the control file is not copied", {{"why", problem}});
  problem_ = problem;
}

// Until the file is another one, or cannot be watched.
Task<void> ControlKeeper::follow(std::stop_token stop) {
  auto& loop = services_.loop;
  auto watch = runtime::FileWatch::create(services_.instance.data_dir() / "global" / "pg_control");
  copy();
  if (!watch) {
    static_cast<void>(co_await loop.sleep_for(kTryAgain, stop));
    co_return;
  }
  while (!stop.stop_requested()) {
    const auto same = co_await watch->changed(loop, loop.after(kLookEvery), stop);
    const bool late = !same && same.error().code == ErrorCode::TimedOut;
    if (!late && (!same || !*same)) co_return;
    copy();
  }
}

Task<void> ControlKeeper::run(std::stop_token stop) {
  if (services_.state_dir.empty() || !services_.instance.capabilities().sees_files) co_return;
  while (!stop.stop_requested()) {
    if (may_copy()) co_await follow(stop);
    static_cast<void>(
        co_await services_.senses.changed().wait_until(services_.loop.after(kTryAgain), stop));
  }
}

}  // namespace pgkeel::recover
