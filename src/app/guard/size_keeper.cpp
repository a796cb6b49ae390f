// See size_keeper.hpp.
#include "app/guard/size_keeper.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "recover/room.hpp"

namespace pgkeel::app {
namespace {

constexpr Seconds kFirst{60};

void note(incident::Journal& journal, std::string probe, std::uint64_t bytes) {
  const auto noted =
      journal.record_probe({wall_now(), std::move(probe), true, Millis(0), std::to_string(bytes)});
  if (!noted) log_warning("a size was not noted", {{"why", noted.error().message()}});
}

void note_disks(incident::Journal& journal, const sense::HostFacts& host) {
  for (const auto& space : host.spaces) {
    const bool kept = space.role == sense::SpaceRole::Data || space.role == sense::SpaceRole::Wal;
    if (!kept || !space.known() || space.room.bytes_total == 0) continue;
    const auto& room = space.room;
    note(journal, recover::disk_probe(space.role),
         room.bytes_total - std::min(room.bytes_free, room.bytes_total));
  }
}

}  // namespace

runtime::Task<void> keep_sizes(runtime::Loop* loop, const sense::Senses* senses,
                               incident::Journal* journal) {
  static_cast<void>(co_await loop->sleep_for(kFirst));
  while (true) {
    const auto& catalog = senses->observation().catalog;
    std::int64_t bytes = 0;
    for (const auto& database : catalog.databases) bytes += database.size_bytes;
    if (catalog.seen && bytes > 0)
      note(*journal, std::string(kSizeProbe), static_cast<std::uint64_t>(bytes));
    if (senses->observation().host.seen) note_disks(*journal, senses->observation().host);
    static_cast<void>(co_await loop->sleep_for(kSizeEvery));
  }
}

}  // namespace pgkeel::app
