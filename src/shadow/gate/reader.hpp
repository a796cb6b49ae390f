// The gate over a stream of bytes: takes WAL as it comes, reads its records, and says how far the
// shadow may be given it. Pure; bytes in, a position out.
// It guarantees: a record is read once, however often its bytes come; the position is the end of a
// record, or where the gate before it ended.
#pragma once

#include <optional>

#include "base/result.hpp"
#include "shadow/gate/gate.hpp"

namespace pgkeel::shadow {

class GateReader {
 public:
  GateReader(GateStart start, std::uint64_t segment_bytes)
      : start_(std::move(start)), segment_bytes_(segment_bytes) {}

  /// The bytes that come next begin at `from`, the start of a segment.
  void begin(Lsn from);
  /// Where a stream has to begin that goes on with the record that is to be read next; nothing:
  /// none was read yet.
  [[nodiscard]] std::optional<Lsn> goes_on_at() const;
  /// The next bytes. Malformed when they are no WAL.
  Result<void> look(ByteSpan bytes, SteadyTime now);

  [[nodiscard]] Lsn limit(SteadyTime now);
  [[nodiscard]] std::optional<SteadyTime> due(SteadyTime now) const;
  [[nodiscard]] std::vector<Hold> holds() const;
  void release(Lsn decided);
  void move(Lsn decided, Lsn before);
  /// Behind the last record that was read; where the gate before it ended when none was.
  [[nodiscard]] Lsn position() const;

 private:
  Result<void> meet(ByteSpan bytes);
  Result<void> pass_on(const pg::WalRecord& record, SteadyTime now);

  GateStart start_;
  std::uint64_t segment_bytes_;
  Lsn from_;
  int major_ = 0;
  std::optional<pg::WalReader> records_;
  pg::WalContents contents_;
  std::optional<Gate> gate_;  ///< from the first page on, which tells the version
};

}  // namespace pgkeel::shadow
