// Which timelines an archive knows and where each left its parent, from the histories the server
// wrote. After a restore to an earlier moment the abandoned branch stays in the archive beside the
// one that goes on: a backup of the one is no beginning for the other. Pure, once they were read.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <vector>

#include "archive/catalog/wal_index.hpp"
#include "archive/codec/encoded.hpp"

namespace pgkeel::archive {

class Lineage {
 public:
  /// The histories that were received and not shipped yet; `incoming` empty: none within reach. To
  /// be read before the store's index: a history leaves the spool only for the store.
  static Result<Lineage> received(const std::filesystem::path& incoming);
  /// The histories of the store. Malformed names the one that cannot be read.
  Result<void> add_stored(Store& store, const WalIndex& index, const KeyRing& keys);
  /// `switches` as pg::parse_history() gives them.
  void add(TimelineId timeline, std::vector<pg::TimelineSwitch> switches);

  /// The newest one with a history; timeline 1 has none.
  [[nodiscard]] TimelineId newest() const;
  [[nodiscard]] bool has_history(TimelineId timeline) const { return switches_.contains(timeline); }
  /// Whether `timeline` up to `lsn` belongs to what `descendant` went through, itself included.
  [[nodiscard]] bool holds(TimelineId descendant, TimelineId timeline, Lsn lsn) const;
  /// The newest timeline that holds `timeline` up to `lsn`: itself when it was never left later.
  [[nodiscard]] TimelineId newest_from(TimelineId timeline, Lsn lsn) const;
  /// Where the path to `descendant` leaves `timeline`; nullopt when it does not go through it.
  [[nodiscard]] std::optional<Lsn> left_at(TimelineId descendant, TimelineId timeline) const;
  /// The parents of `timeline`, oldest first; empty without a history.
  [[nodiscard]] std::vector<pg::TimelineSwitch> path_to(TimelineId timeline) const;

 private:
  std::map<TimelineId, std::vector<pg::TimelineSwitch>> switches_;
};

}  // namespace pgkeel::archive
