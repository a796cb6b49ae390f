// See lost_tail.hpp.
#include "recover/lost_tail.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pgkeel::recover {
namespace {

// An interval without protection that has not ended is as good as no waiting, and so is a wait that
// was cancelled: its commit was acknowledged all the same.
bool commits_waited(const sense::Observation& seen) {
  const auto& sync = seen.sync;
  const bool unprotected = sync.unprotected && !sync.unprotected->until;
  return sync.wanted && sync.armed && !unprotected && seen.log_watch.sync_waits_canceled == 0;
}

std::string when_seen(const LostTail& tail) {
  if (!tail.seen_before) return "an unknown time before it was lost";
  return fmt::format("{} before it was lost", humane_duration(*tail.seen_before));
}

}  // namespace

LostTail tail_of(const sense::Observation& seen, const Reached& reached) {
  LostTail tail;
  tail.commits_waited = commits_waited(seen) && !reached.gap;
  tail.restored = reached.lsn;
  const auto& wal = seen.catalog.wal;
  if (!wal.lsn.valid()) return tail;
  tail.newest = wal.lsn;
  if (const auto died = seen.process.died_at; died && *died >= wal.at)
    tail.seen_before = std::chrono::duration_cast<Millis>(*died - wal.at);
  return tail;
}

std::string words_of(const LostTail& tail) {
  if (tail.commits_waited) return {};
  const auto restored = to_string(tail.restored);
  if (!tail.newest)
    return fmt::format("what was committed after {}, where the archive ends", restored);
  if (*tail.newest > tail.restored)
    return fmt::format("{} of WAL from {} to {}, seen {}, and what was committed after that",
                       format_size(tail.newest->value - tail.restored.value), restored,
                       to_string(*tail.newest), when_seen(tail));
  return fmt::format(
      "what was committed after {}, where the archive ends: all that was seen {} is there",
      restored, when_seen(tail));
}

std::optional<Reached> reached_by(std::string_view json) {
  const auto said = nlohmann::json::parse(json, nullptr, false);
  if (!said.is_object()) return std::nullopt;
  const auto found = said.find("lsn");
  if (found == said.end() || !found->is_string()) return std::nullopt;
  const auto lsn = parse_lsn(found->get<std::string>());
  if (!lsn) return std::nullopt;
  const auto gap = said.find("gap");
  return Reached{*lsn, gap != said.end() && !gap->is_null()};
}

}  // namespace pgkeel::recover
