// When the receiver's slot is given up: the server's disk is nearly full, and what the slot alone
// holds back would make as much room again. Pure; time is an argument.
// It guarantees: never at the first look, never a slot that is in use or that has got on between
// the looks, never while commits wait for the archive: those are the operator's to release.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/strong.hpp"
#include "base/time.hpp"

namespace pgkeel::app {

/// The disk pg_wal is on.
struct WalDisk {
  std::uint64_t bytes_total = 0;
  std::uint64_t bytes_free = 0;
};
/// Whether so little is left that the server may stop soon.
[[nodiscard]] bool nearly_full(const WalDisk& disk);

/// One look at the slot and its disk.
struct SlotView {
  Lsn held_from;  ///< the oldest WAL it holds back
  Lsn server;     ///< where the server is
  bool active = false;
  /// WAL that could be removed without it: nobody else needs it, by the server's own account.
  std::uint64_t freeable_bytes = 0;
  bool commits_wait = false;
  WalDisk disk;
};

/// Whether the server has refused to drop the slot, so that it is there as before: it is in use
/// again, or not ours to drop. A lost connection or a cancelled statement leaves that open.
[[nodiscard]] bool surely_kept(std::string_view sqlstate);

class SlotDecision {
 public:
  /// True once two looks in a row, some time apart, agree.
  [[nodiscard]] bool give_up(const SlotView& view, SteadyTime now);
  /// The disk is not nearly full, or cannot be seen.
  void all_is_well() { first_.reset(); }

 private:
  struct First {
    Lsn held_from;
    SteadyTime at;
  };
  std::optional<First> first_;
};

}  // namespace pgkeel::app
