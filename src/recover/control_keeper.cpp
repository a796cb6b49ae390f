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

// The file itself says whether it may be kept ("in production"); waiting for a login would miss the
// checkpoint that ends a crash recovery, which is followed by no other for minutes.
void ControlKeeper::copy() {
  const auto kept =
      keep_control_copy(services_.state_dir, services_.instance.data_dir(), *known_.identity);
  const bool expected = !kept && kept.error().code == ErrorCode::WrongState;  // it recovers
  const auto problem = kept || expected ? std::string() : kept.error().message();
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
    if (known_.identity) co_await follow(stop);
    static_cast<void>(
        co_await services_.senses.changed().wait_until(services_.loop.after(kTryAgain), stop));
  }
}

}  // namespace pgkeel::recover
