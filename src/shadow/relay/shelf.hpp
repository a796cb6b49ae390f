// The archive's WAL by position: what is being received, what waits in the spool, what has reached
// the store. Told by the receiver's thread how far it is, read by the relay's.
// It guarantees: bytes are given only up to what is held; WAL that is not there is an error, never
// zeros.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "archive/codec/key.hpp"
#include "archive/storage/open.hpp"
#include "runtime/fd.hpp"
#include "shadow/relay/held_wal.hpp"

namespace pgkeel::shadow {

struct ShelfPlaces {
  std::filesystem::path incoming;  ///< the receiver's spool
  std::filesystem::path cache;     ///< a directory of its own, for what comes from the store
  archive::StoreAddress store;
  archive::KeyRing keys;
  std::uint64_t segment_bytes = 0;
};

/// A timeline that was left for another.
struct LeftTimeline {
  Lsn at;
  TimelineId next;
};

struct WalPiece {
  TimelineId timeline;
  Lsn from;
  std::size_t bytes = 0;
};

/// The segment that is being read, for one reader: it stays readable when it leaves the spool.
struct OpenSegment {
  runtime::Fd file;
  std::optional<pg::WalSegment> segment;
};

class Shelf {
 public:
  /// Finds how far the WAL goes. What the store says.
  static Result<std::unique_ptr<Shelf>> open(ShelfPlaces places);
  /// Gives no more than `held` until it is told of more: somebody else says how far it may go.
  static Result<std::unique_ptr<Shelf>> open_up_to(ShelfPlaces places, const HeldWal& held);

  /// From any thread: all up to `end` of that timeline is in the spool.
  void received(TimelineId timeline, Lsn end);
  /// From any thread; nothing: no WAL is held.
  [[nodiscard]] std::optional<HeldWal> held() const;

  /// Nothing: it is the newest. NotFound: it leads nowhere the archive knows.
  [[nodiscard]] Result<std::optional<LeftTimeline>> left(TimelineId timeline);
  /// The text of its history file. NotFound.
  [[nodiscard]] Result<std::string> history(TimelineId timeline);
  /// What of the piece lies in the segment it begins in. NotFound when the archive does not have
  /// it (any more).
  [[nodiscard]] Result<void> read(OpenSegment& open, const WalPiece& piece,
                                  std::vector<std::byte>& bytes);

 private:
  explicit Shelf(ShelfPlaces places) : places_(std::move(places)) {}
  Result<void> open_store();
  Result<void> turn_to(OpenSegment& open, const pg::WalSegment& segment);
  Result<runtime::Fd> fetch(const std::string& name);

  ShelfPlaces places_;
  std::unique_ptr<archive::Store> store_;
  std::optional<archive::WalSource> source_;
  mutable std::mutex mutex_;  // guards what follows
  std::optional<HeldWal> held_;
};

}  // namespace pgkeel::shadow
