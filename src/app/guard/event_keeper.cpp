// See event_keeper.hpp.
#include "app/guard/event_keeper.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace pgkeel::app {
namespace {

constexpr Seconds kSilence{3600};
constexpr Seconds kMissedMost{86'400};

}  // namespace

WallTime engine_events_missed_since(const incident::Journal& journal, WallTime now) {
  const auto kept = journal.probes(kEngineProbe, 1);
  const auto last = kept && !kept->empty() ? kept->front().at : WallTime();
  return std::max(last, now - kMissedMost);
}

runtime::Task<void> keep_engine_events(runtime::Loop* loop, sense::Senses* senses,
                                       incident::Journal* journal) {
  std::optional<SteadyTime> kept;
  while (true) {
    static_cast<void>(co_await senses->changed().wait_until(loop->after(kSilence)));
    for (const auto& word : senses->observation().hosting.words) {
      if (kept && word.at <= *kept) continue;
      kept = word.at;
      const auto age = std::chrono::duration_cast<std::chrono::microseconds>(loop->now() - word.at);
      // As one that failed: such are written at once, with nothing of them lost by a crash.
      const auto written = journal->record_probe(
          {wall_now() - age, std::string(kEngineProbe), false, Millis(0), word.text});
      if (!written)
        log_warning("an engine event was not kept", {{"why", written.error().message()}});
    }
  }
}

}  // namespace pgkeel::app
