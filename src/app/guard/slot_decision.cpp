// See slot_decision.hpp.
#include "app/guard/slot_decision.hpp"

#include <algorithm>

namespace pgkeel::app {
namespace {

constexpr std::uint64_t kMegabyte = 1U << 20U;
// A twentieth of the disk, but no more than a busy server writes in a minute or so; on a small one
// four segments, of which the server itself needs the next.
constexpr std::uint64_t kReserveShare = 20;
constexpr std::uint64_t kReserveLeast = 64 * kMegabyte;
constexpr std::uint64_t kReserveMost = 4096 * kMegabyte;
// Less is not worth the gap.
constexpr std::uint64_t kFreeableLeast = 64 * kMegabyte;
// A checkpoint, a sort that spills or somebody's copy is over by then.
constexpr Seconds kAgreeAfter{5};
constexpr std::string_view kObjectInUse = "55006";
constexpr std::string_view kInsufficientPrivilege = "42501";

}  // namespace

bool nearly_full(const WalDisk& disk) {
  return disk.bytes_free <
         std::clamp(disk.bytes_total / kReserveShare, kReserveLeast, kReserveMost);
}

bool surely_kept(std::string_view sqlstate) {
  return sqlstate == kObjectInUse || sqlstate == kInsufficientPrivilege;
}

bool SlotDecision::give_up(const SlotView& view, SteadyTime now) {
  const bool helps = view.freeable_bytes >= std::max(kFreeableLeast, view.disk.bytes_free);
  if (view.active || view.commits_wait || !helps || !nearly_full(view.disk)) {
    first_.reset();
    return false;
  }
  if (first_ && first_->held_from == view.held_from) return now - first_->at >= kAgreeAfter;
  first_ = First{view.held_from, now};
  return false;
}

}  // namespace pgkeel::app
