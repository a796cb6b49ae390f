// See event_keeper.hpp.
#include "app/guard/event_keeper.hpp"

#include "base/log.hpp"

namespace pgkeel::app {
namespace {

constexpr Seconds kSilence{3600};

}  // namespace

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
