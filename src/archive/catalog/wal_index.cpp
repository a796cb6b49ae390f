// See wal_index.hpp.
#include "archive/catalog/wal_index.hpp"

#include <fmt/format.h>

#include "archive/catalog/layout.hpp"

namespace pgkeel::archive {
namespace {

template <class Key>
Result<void> add(std::map<Key, ObjectInfo>& into, const Key& key, const std::string& sha256,
                 const ObjectInfo& object) {
  const auto [there, added] = into.try_emplace(key, object);
  if (added || parse_wal_key(there->second.key)->sha256 == sha256) return {};
  return fail(ErrorCode::Malformed,
              fmt::format("the archive holds two different versions of the same WAL: {} and {}",
                          there->second.key, object.key));
}

std::optional<pg::WalSegment> begun_segment(std::string_view name, std::uint64_t segment_bytes) {
  if (!name.ends_with(kBeginningSuffix)) return std::nullopt;
  name.remove_suffix(kBeginningSuffix.size());
  return pg::parse_segment_name(name, segment_bytes);
}

}  // namespace

Result<WalIndex> WalIndex::read(Store& store, std::uint64_t segment_bytes) {
  TRY(objects, store.list(kWalPrefix));
  WalIndex index;
  for (const auto& object : objects) {
    const auto name = parse_wal_key(object.key);
    if (!name) continue;  // somebody's file; verify tells of it
    if (const auto segment = pg::parse_segment_name(name->name, segment_bytes))
      TRY_VOID(add(index.segments_, *segment, name->sha256, object));
    else if (const auto timeline = pg::parse_history_name(name->name))
      TRY_VOID(add(index.histories_, *timeline, name->sha256, object));
    else if (const auto begun = begun_segment(name->name, segment_bytes))
      index.beginnings_.insert(*begun);
  }
  return index;
}

const std::string* WalIndex::find(const pg::WalSegment& segment) const {
  const auto found = segments_.find(segment);
  return found == segments_.end() ? nullptr : &found->second.key;
}

const std::string* WalIndex::find_history(TimelineId timeline) const {
  const auto found = histories_.find(timeline);
  return found == histories_.end() ? nullptr : &found->second.key;
}

std::vector<WalRange> WalIndex::ranges() const {
  std::vector<WalRange> ranges;
  for (const auto& [segment, object] : segments_) {
    const bool goes_on = !ranges.empty() && ranges.back().timeline == segment.timeline &&
                         ranges.back().last + 1 == segment.number;
    if (goes_on) ranges.back().last = segment.number;
    else ranges.push_back({segment.timeline, segment.number, segment.number});
  }
  return ranges;
}

std::optional<WalRange> WalIndex::range_of(const pg::WalSegment& segment) const {
  for (const auto& range : ranges())
    if (range.timeline == segment.timeline && range.first <= segment.number &&
        segment.number <= range.last)
      return range;
  return std::nullopt;
}

Result<std::optional<std::string>> find_wal(Store& store, std::string_view name,
                                            std::uint64_t segment_bytes) {
  const auto segment = pg::parse_segment_name(name, segment_bytes);
  TRY(objects, store.list(segment ? wal_prefix(*segment, segment_bytes) : kHistoryPrefix));
  for (const auto& object : objects) {
    const auto found = parse_wal_key(object.key);
    if (found && found->name == name) return object.key;
  }
  return std::nullopt;
}

Result<std::vector<std::string>> find_wal_beginnings(Store& store, const pg::WalSegment& segment,
                                                     std::uint64_t segment_bytes) {
  TRY(objects, store.list(wal_prefix(segment, segment_bytes)));
  std::vector<std::string> keys;
  for (const auto& object : objects) {
    const auto found = parse_wal_key(object.key);
    if (found && begun_segment(found->name, segment_bytes) == segment) keys.push_back(object.key);
  }
  return keys;
}

}  // namespace pgkeel::archive
