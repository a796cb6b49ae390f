// The WAL an archive holds: which segments and histories, and where they are without a gap.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "archive/storage/store.hpp"
#include "pg/wal_name.hpp"

namespace pgkeel::archive {

/// Segments one after another, none missing.
struct WalRange {
  TimelineId timeline;
  std::uint64_t first = 0;  ///< segment number
  std::uint64_t last = 0;
  friend bool operator==(const WalRange&, const WalRange&) = default;
};

class WalIndex {
 public:
  /// Everything in the WAL area. Malformed when a name is there twice with different bytes.
  static Result<WalIndex> read(Store& store, std::uint64_t segment_bytes);

  /// The key of a segment or history; nullptr when it is not there.
  [[nodiscard]] const std::string* find(const pg::WalSegment& segment) const;
  [[nodiscard]] const std::string* find_history(TimelineId timeline) const;
  [[nodiscard]] bool empty() const { return segments_.empty(); }
  [[nodiscard]] std::size_t size() const { return segments_.size(); }
  [[nodiscard]] std::vector<WalRange> ranges() const;
  /// The range that holds `segment`; nullopt when it is not there.
  [[nodiscard]] std::optional<WalRange> range_of(const pg::WalSegment& segment) const;
  [[nodiscard]] const std::map<pg::WalSegment, ObjectInfo>& segments() const { return segments_; }
  [[nodiscard]] const std::map<TimelineId, ObjectInfo>& histories() const { return histories_; }
  /// Whether the beginning of it is there: the last of a timeline that was left in its middle.
  [[nodiscard]] bool has_beginning(const pg::WalSegment& segment) const {
    return beginnings_.contains(segment);
  }

 private:
  std::map<pg::WalSegment, ObjectInfo> segments_;
  std::map<TimelineId, ObjectInfo> histories_;
  std::set<pg::WalSegment> beginnings_;
};

/// The key of one segment or history file, looked up without reading the whole index; nullopt.
[[nodiscard]] Result<std::optional<std::string>> find_wal(Store& store, std::string_view name,
                                                          std::uint64_t segment_bytes);
/// Every beginning of it: of a timeline that went on for a while there are several, each longer
/// than the one before.
[[nodiscard]] Result<std::vector<std::string>> find_wal_beginnings(Store& store,
                                                                   const pg::WalSegment& segment,
                                                                   std::uint64_t segment_bytes);

}  // namespace pgkeel::archive
