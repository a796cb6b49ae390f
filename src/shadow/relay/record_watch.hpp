// Looks at the records on their way to a standby for what one on this machine must not replay: a
// CREATE TABLESPACE would open, and before version 15 empty, the primary's own directory.
// It guarantees: such a record is found before its last byte has gone out, so that no standby ever
// applies it. Pure.
#pragma once

#include <optional>
#include <string>

#include "base/result.hpp"
#include "pg/wal/record.hpp"

namespace pgkeel::shadow {

struct UnfitRecord {
  Lsn start;
  std::string what;  ///< "CREATE TABLESPACE 16400 at /srv/fast"
};

class RecordWatch {
 public:
  /// The bytes looked at begin at `from`, the start of a segment.
  RecordWatch(Lsn from, std::uint64_t segment_bytes) : from_(from), segment_bytes_(segment_bytes) {}

  /// The next bytes: the first unfit record that is whole by now; with none, the next such of those
  /// looked at before. Malformed when they are no WAL.
  Result<std::optional<UnfitRecord>> look(ByteSpan bytes);
  [[nodiscard]] Lsn position() const { return at_; }

 private:
  Result<std::optional<UnfitRecord>> judge(const pg::WalRecord& record);

  Lsn from_;
  Lsn at_ = from_;  ///< behind what was looked at
  std::uint64_t segment_bytes_;
  int major_ = 0;
  std::optional<pg::WalReader> reader_;
  pg::WalContents contents_;
};

}  // namespace pgkeel::shadow
