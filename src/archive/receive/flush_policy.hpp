// When received WAL goes to disk and when the server is told. Pure: time comes in.
// Async: at the end of a segment, every 4 MiB, every second, and when the server asks. Sync: a
// commit waits for us, so as soon as nothing more has come (the commits of one batch share one
// flush), and told at once.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace pgkeel::archive {

enum class Durability { Async, Sync };

class FlushPolicy {
 public:
  /// Keeps what an async archive may lose with its machine small beside a segment.
  static constexpr std::uint64_t kAsyncBytesMax = 4U << 20U;
  /// While more keeps coming: those who committed first wait for no more than this.
  static constexpr std::uint64_t kSyncBytesMax = 1U << 20U;
  static constexpr Millis kFlushWithin{1'000};
  /// Well inside wal_sender_timeout (60 s by default, which the server halves before it asks).
  static constexpr Millis kReportWithin{5'000};

  explicit FlushPolicy(Durability durability, SteadyTime now)
      : durability_(durability), reported_at_(now) {}

  void wrote(std::uint64_t bytes, SteadyTime now);
  /// The server wants a reply.
  void asked() { asked_ = true; }
  void flushed() {
    unflushed_bytes_ = 0;
    to_tell_ = true;
  }
  void reported(SteadyTime now);

  /// Whether the socket may hold more that could share the flush.
  enum class Socket { MayHoldMore, Drained };
  [[nodiscard]] bool flush_due(SteadyTime now, Socket socket) const;
  [[nodiscard]] bool report_due(SteadyTime now) const;
  /// How long the next message may be waited for before something is due; zero: only look.
  [[nodiscard]] Millis wait(SteadyTime now) const;

 private:
  Durability durability_;
  std::uint64_t unflushed_bytes_ = 0;
  SteadyTime unflushed_since_{};
  SteadyTime reported_at_;
  bool asked_ = false;
  bool to_tell_ = true;  // a fresh stream is told where we are
};

}  // namespace pgkeel::archive
