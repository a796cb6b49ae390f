// See pulse.hpp.
#include "sense/pulse.hpp"

#include <algorithm>

namespace pgkeel::sense {

bool Pulse::may_rest(const Board& board, const Watch& watch) const {
  const bool settled = board.loop.now() - moved_at_ > kStatisticsLate;
  return settled && watch.session && watch.session->usable() && !snapshot_.empty() &&
         watch.relations.horizon == snapshot_ && knows_all(watch);
}

void Pulse::beat(Board& board, const Watch& maintenance) {
  if (maintenance.databases.horizon != snapshot_) {
    snapshot_ = maintenance.databases.horizon;
    moved_at_ = board.loop.now();
  }
  bool wake = false;
  for (auto* watch : resting_) {
    if (may_rest(board, *watch)) note_nothing_new(board, *watch, maintenance.positions.front());
    else wake = true;
  }
  if (wake) moved_.notify_all();
}

void Pulse::miss() {
  snapshot_.clear();
  moved_.notify_all();
}

runtime::Task<void> Pulse::rest(Board* board, Watch* watch) {
  const auto until = board->loop.after(kOwnLookEvery);
  resting_.push_back(watch);
  while (board->loop.now() < until && may_rest(*board, *watch) && database_exists(*board, *watch))
    static_cast<void>(co_await moved_.wait_until(until));
  std::erase(resting_, watch);
}

}  // namespace pgkeel::sense
