// See lost_tail.hpp.
#include "recover/lost_tail.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pgkeel::recover {
namespace {

// An interval without protection that has not ended is as good as no waiting.
bool commits_waited(const sense::SyncFacts& sync) {
  const bool unprotected = sync.unprotected && !sync.unprotected->until;
  return sync.wanted && sync.armed && !unprotected;
}

std::string when_seen(const LostTail& tail) {
  if (!tail.seen_before) return "an unknown time before it was lost";
  return fmt::format("{} before it was lost", humane_duration(*tail.seen_before));
}

}  // namespace

LostTail tail_of(const sense::Observation& seen, Lsn restored) {
  LostTail tail;
  tail.commits_waited = commits_waited(seen.sync);
  tail.restored = restored;
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

std::optional<Lsn> restored_lsn(std::string_view json) {
  const auto said = nlohmann::json::parse(json, nullptr, false);
  if (!said.is_object()) return std::nullopt;
  const auto found = said.find("lsn");
  if (found == said.end() || !found->is_string()) return std::nullopt;
  const auto lsn = parse_lsn(found->get<std::string>());
  return lsn ? std::optional(*lsn) : std::nullopt;
}

}  // namespace pgkeel::recover
