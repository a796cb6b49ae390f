// See ended_shadow.hpp.
#include "app/shadow/ended_shadow.hpp"

#include <algorithm>
#include <csignal>
#include <thread>

#include "app/archive/tools.hpp"
#include "app/shadow/places.hpp"
#include "runtime/proc.hpp"
#include "runtime/process.hpp"
#include "shadow/standby/status.hpp"

namespace pgkeel::app {
namespace {

constexpr Seconds kPatience{120};  // the shutdown of a large standby
constexpr Millis kLookEvery{20};

void tell_to_end(const Config& config) {
  const auto status = shadow::read_shadow_status(config.state_dir / shadow::kShadowStatusFile);
  if (!status || status->pid <= 0) return;
  const auto process = runtime::ProcessHandle::open(status->pid);
  const auto words = runtime::read_proc_cmdline(status->pid);
  if (!process || !words || std::ranges::find(*words, "shadow") == words->end()) return;
  static_cast<void>(process->signal(SIGTERM));
}

}  // namespace

// The lock is its own from start to end; one that has just been started has not said its pid yet.
Result<EndedShadow> EndedShadow::end(const Config& config, const std::stop_token& stop) {
  const auto until = SteadyClock::now() + kPatience;
  while (true) {
    auto lock = lock_job(config, "shadow");
    if (lock) return EndedShadow(*std::move(lock), shadow::ShadowCopy(shadow_copy_places(config)));
    if (lock.error().code != ErrorCode::StateLocked || SteadyClock::now() >= until)
      return fail(lock.error());
    if (stop.stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
    tell_to_end(config);
    std::this_thread::sleep_for(kLookEvery);
  }
}

}  // namespace pgkeel::app
