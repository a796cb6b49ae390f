// WAL as a stream of bytes, cut into records: pages and their headers, records across pages and
// segments, checksums, the chain of records. Sans I/O: bytes come in any pieces, records go out.
// It guarantees: a record that goes out is whole, its CRC and its link to the one before are right;
// memory is bounded by what was fed and by the largest record; nothing is guessed over a damage.
// It refuses a stream of another major version, timeline or position than its pages say.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "pg/wal/format.hpp"

namespace pgkeel::pg {

struct WalRecord {
  Lsn start;
  Lsn end;  ///< where the next one may begin: aligned, and behind a page's header where it ends one
  ShortXid xid;
  Rmgr rmgr = Rmgr::Xlog;
  std::uint8_t info = 0;  ///< operation in the upper half
  ByteSpan body;          ///< all behind the header; valid until the next call of the reader

  [[nodiscard]] std::uint8_t operation() const { return info & 0xF0U; }
};

class WalReader {
 public:
  /// `from`: the start of a page or of a record. At a page that begins with the rest of a record,
  /// that rest is skipped.
  WalReader(WalFormat format, Lsn from) : format_(format), at_(from) {}

  /// Bytes of the stream that follow those fed before.
  void feed(ByteSpan bytes);
  /// The next record; nothing while it is not all there. Malformed, with the position, when the
  /// stream is damaged or not what its format says; then nothing further is read.
  [[nodiscard]] Result<std::optional<WalRecord>> next();

  /// How far it has read: the end of the last record, or within the one it is at.
  [[nodiscard]] Lsn position() const { return at_; }
  /// Nothing was written there yet: the server's own end of WAL in a segment's file.
  [[nodiscard]] bool at_end() const { return at_end_; }

 private:
  enum class Step { Record, NeedsMore, GoOn };

  [[nodiscard]] ByteSpan available() const { return ByteSpan(buffer_).subspan(used_); }
  [[nodiscard]] std::size_t left_in_page() const {
    return kWalPageBytes - at_.value % kWalPageBytes;
  }
  void consume(std::size_t bytes);
  [[nodiscard]] Error damaged(std::string_view what) const;
  Result<Step> step();
  Result<Step> enter_page();
  Result<void> meet_page(std::uint16_t flags, std::uint32_t rest);
  Step skip();
  Result<Step> begin_record();
  Result<Step> gather();
  Result<Step> finish(ByteSpan record);

  WalFormat format_;
  Lsn at_;                         ///< of the first byte not consumed
  std::vector<std::byte> buffer_;  ///< fed; the first used_ bytes are consumed
  std::size_t used_ = 0;
  std::uint64_t to_skip_ = 0;     ///< of the stream, page headers not counted
  Lsn skip_until_;                ///< the end of a segment that was switched
  std::vector<std::byte> parts_;  ///< of a record that goes on on the next page
  std::uint32_t total_ = 0;       ///< of that record; zero: none is gathered
  Lsn record_start_;
  Lsn last_start_;
  WalRecord record_;
  bool at_end_ = false;
  bool failed_ = false;
};

}  // namespace pgkeel::pg
