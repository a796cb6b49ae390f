// One session asks for all: while nothing is committed anywhere in the cluster, the maintenance
// session's look stands for that of every other database, and their sessions are left alone. A
// database looks itself as soon as the snapshot moves, for as long as its statistics may still be
// behind, and every kOwnLookEvery, so that a broken session is found.
// It guarantees: nothing is seen later than by asking in each database at the same pace.
#pragma once

#include <string>
#include <vector>

#include "sense/catalog_look.hpp"

namespace pgkeel::sense {

inline constexpr Seconds kOwnLookEvery{5};

class Pulse {
 public:
  explicit Pulse(runtime::Loop& loop) : moved_(loop) {}

  /// The maintenance session has looked: those at rest have looked with it, the others are woken.
  void beat(Board& board, const Watch& maintenance);
  /// The maintenance session's look failed: everybody looks.
  void miss();

  /// Returns when `watch` has to look itself.
  runtime::Task<void> rest(Board* board, Watch* watch);

 private:
  [[nodiscard]] bool may_rest(const Board& board, const Watch& watch) const;

  std::string snapshot_;
  SteadyTime moved_at_;
  std::vector<Watch*> resting_;
  runtime::Event moved_;
};

}  // namespace pgkeel::sense
