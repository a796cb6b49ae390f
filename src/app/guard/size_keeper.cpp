// See size_keeper.hpp.
#include "app/guard/size_keeper.hpp"

#include "base/log.hpp"

namespace pgkeel::app {
namespace {

constexpr Seconds kFirst{60};

}  // namespace

runtime::Task<void> keep_sizes(runtime::Loop* loop, const sense::Senses* senses,
                               incident::Journal* journal) {
  static_cast<void>(co_await loop->sleep_for(kFirst));
  while (true) {
    const auto& catalog = senses->observation().catalog;
    std::int64_t bytes = 0;
    for (const auto& database : catalog.databases) bytes += database.size_bytes;
    if (catalog.seen && bytes > 0) {
      const auto noted = journal->record_probe(
          {wall_now(), std::string(kSizeProbe), true, Millis(0), std::to_string(bytes)});
      if (!noted) log_warning("the size was not noted", {{"why", noted.error().message()}});
    }
    static_cast<void>(co_await loop->sleep_for(kSizeEvery));
  }
}

}  // namespace pgkeel::app
