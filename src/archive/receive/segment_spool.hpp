// Received WAL on its way to disk: NAME.partial while it fills, renamed to NAME when whole.
// It guarantees: bytes are written only where the stream stands, so there is neither a gap nor an
// overlap; what flushed() says is on disk, file and name; a whole segment is never replaced; WAL of
// another cluster, or that contradicts what was already reported flushed, is refused.
// A partial segment is received again from its start, over the bytes that are there, which stay
// readable all the while: after a crash nobody can tell which of them had reached the disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "archive/receive/spool_listing.hpp"
#include "archive/receive/start_point.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "runtime/fd.hpp"

namespace pgkeel::archive {

struct SpoolOptions {
  /// How a new segment gets its full size, so that a full disk is met at its start and every flush
  /// finds the size settled. Reserved: cheap. Zeroed: twice the bytes, but flushes need no journal
  /// entry for fresh blocks, which is what a waiting commit feels (pg_receivewal does the same).
  enum class Allocation { Reserved, Zeroed };

  std::filesystem::path directory;
  std::uint64_t segment_bytes = pg::kDefaultWalSegmentBytes;
  SystemId system_id;
  Allocation allocation = Allocation::Reserved;
  std::uint64_t free_bytes_min = 0;  ///< a new segment leaves at least so much of the disk free
};

class SegmentSpool {
 public:
  /// One at a time: whoever opens it holds a lock on the directory, which exists.
  static Result<SegmentSpool> open(SpoolOptions options);

  /// Where receiving goes on after what was here at open(); none: it was empty.
  [[nodiscard]] std::optional<StreamStart> end() const { return end_; }

  /// The next bytes come at `start`, a segment's start. What lies there below `trusted` was
  /// reported flushed once, and must not turn out to be different. A partial segment that is
  /// elsewhere will not be completed any more and becomes "ended".
  Result<void> begin(const StreamStart& start, Lsn trusted);
  /// How many segments became whole. After an error the stream has to begin() again.
  /// Malformed: not the next bytes; WrongIdentity: WAL of another cluster or another history;
  /// DiskFull; Io.
  Result<int> write(Lsn start, ByteSpan bytes);
  /// Everything written is on disk when it returns. NotFound when its file was removed.
  Result<void> flush();

  /// DiskFull when a new segment would leave too little free.
  [[nodiscard]] Result<void> check_room() const;
  [[nodiscard]] TimelineId timeline() const { return timeline_; }
  [[nodiscard]] std::uint64_t segment_bytes() const { return options_.segment_bytes; }
  [[nodiscard]] Lsn written() const { return written_; }
  [[nodiscard]] Lsn flushed() const { return flushed_; }

 private:
  explicit SegmentSpool(SpoolOptions options) : options_(std::move(options)) {}
  Result<void> end_partials_but(const StreamStart& start) const;
  Result<void> open_current();
  Result<void> allocate(std::uint64_t from_bytes);
  Result<void> check_bytes(std::uint64_t offset, ByteSpan bytes) const;
  Result<void> store(std::uint64_t offset, ByteSpan bytes);
  Result<void> finish_segment();
  Result<void> require_name();
  [[nodiscard]] std::filesystem::path current_path(std::string_view suffix) const;

  SpoolOptions options_;
  std::optional<StreamStart> end_;
  runtime::Fd fd_;  // of the segment that holds written_; none: not begun
  std::uint64_t current_ = 0;
  TimelineId timeline_;
  Lsn written_;
  Lsn flushed_;
  Lsn trusted_;
};

/// Whether `incoming` contradicts `present`: a sector differs that is not blank. Blank ones were
/// never written, or lost by a disk that lied.
[[nodiscard]] bool contradicts(ByteSpan present, ByteSpan incoming);

}  // namespace pgkeel::archive
