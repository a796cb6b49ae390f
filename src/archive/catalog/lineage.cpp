// See lineage.hpp.
#include "archive/catalog/lineage.hpp"

#include <algorithm>

#include "archive/receive/spool_listing.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHistoryBytesMax = 1U << 20U;

Result<std::vector<pg::TimelineSwitch>> parsed(std::string_view text, TimelineId timeline) {
  auto switches = pg::parse_history(text);
  if (!switches)
    return fail(ErrorCode::Malformed,
                pg::history_name(timeline) + ": " + switches.error().message());
  return std::move(*switches);
}

}  // namespace

Result<Lineage> Lineage::received(const fs::path& incoming) {
  Lineage lineage;
  if (incoming.empty()) return lineage;
  const auto files = list_spool(incoming, 0);
  if (!files && files.error().code == ErrorCode::NotFound) return lineage;
  if (!files) return fail(files.error());
  for (const auto& file : *files) {
    if (file.kind != SpoolFile::Kind::History) continue;
    const auto text = runtime::read_file(incoming / file.name, kHistoryBytesMax);
    if (!text && text.error().code == ErrorCode::NotFound) continue;  // shipped meanwhile
    if (!text) return fail(text.error());
    TRY(switches, parsed(*text, file.segment.timeline));
    lineage.add(file.segment.timeline, std::move(switches));
  }
  return lineage;
}

Result<void> Lineage::add_stored(Store& store, const WalIndex& index, const KeyRing& keys) {
  for (const auto& [timeline, object] : index.histories()) {
    TRY(text, read_encoded_text(store, object.key, keys, kHistoryBytesMax));
    TRY(switches, parsed(text, timeline));
    add(timeline, std::move(switches));
  }
  return {};
}

void Lineage::add(TimelineId timeline, std::vector<pg::TimelineSwitch> switches) {
  switches_[timeline] = std::move(switches);
}

TimelineId Lineage::newest() const {
  return switches_.empty() ? TimelineId(1) : switches_.rbegin()->first;
}

std::vector<pg::TimelineSwitch> Lineage::path_to(TimelineId timeline) const {
  const auto found = switches_.find(timeline);
  return found == switches_.end() ? std::vector<pg::TimelineSwitch>() : found->second;
}

std::optional<Lsn> Lineage::left_at(TimelineId descendant, TimelineId timeline) const {
  const auto path = path_to(descendant);
  const auto left = std::ranges::find(path, timeline, &pg::TimelineSwitch::parent);
  if (left == path.end()) return std::nullopt;
  return left->switch_at;
}

bool Lineage::holds(TimelineId descendant, TimelineId timeline, Lsn lsn) const {
  if (descendant == timeline) return true;
  const auto left = left_at(descendant, timeline);
  return left && lsn <= *left;
}

TimelineId Lineage::newest_from(TimelineId timeline, Lsn lsn) const {
  for (auto each = switches_.rbegin(); each != switches_.rend(); ++each)
    if (holds(each->first, timeline, lsn)) return std::max(each->first, timeline);
  return timeline;
}

}  // namespace pgkeel::archive
