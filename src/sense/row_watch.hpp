// Notices that a table lost its rows while it stayed: its file was replaced by an empty one
// (TRUNCATE), or most of its rows were deleted within kRowWindow. Told from the server's own
// counters, compared with what they were at the last looks; pure, no I/O, no clock.
// A new file that others already write into is judged by what fits in it, then by the statistics.
// It guarantees: a rewrite that keeps the rows (VACUUM FULL, CLUSTER, ALTER TABLE) and deletions
// that were rolled back are no loss. It refuses to tell of what it did not see both sides of: the
// first look at a table, statistics that were reset.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "sense/observation.hpp"

namespace pgkeel::sense {

/// Fewer rows are lost every day, by hand and by tests; who loses a hundred wants to know.
inline constexpr std::int64_t kMassDeletedMin = 100;
/// One half: what a cleanup takes away, day by day, is a part; what is left here is the lesser one.
inline constexpr std::int64_t kMassDeletedShare = 2;
/// Deletions are added up for so long: a loop that deletes in batches is one deletion.
inline constexpr Seconds kRowWindow{60};
/// A table that has lost this many times its rows before (a queue, sessions) has them come and go.
inline constexpr std::int64_t kTurnover = 10;

/// The smallest row there is, with its header and its pointer: no more fit into a file.
inline constexpr std::int64_t kRowBytesMin = 28;
/// So long the statistics of a replaced file, which holds something, may still tell of a loss.
inline constexpr Seconds kStatisticsAwaited{70};
/// So late a session may tell of what it has committed: at most once a second, and what it held
/// back when it has been idle for ten (pgstat.c: PGSTAT_MIN_INTERVAL, PGSTAT_IDLE_INTERVAL).
inline constexpr Seconds kStatisticsLate{12};

/// What the server counts of a table's rows; statistics may be a second or more behind.
struct RowCount {
  Oid oid;
  std::uint32_t filenode = 0;  ///< 0: it has no file of its own
  /// No page is known of; only a look at the file tells. None: it was not asked.
  std::optional<bool> maybe_empty;
  std::int64_t rows = 0;      ///< the better of the estimates
  std::int64_t live = 0;      ///< by the statistics alone
  std::int64_t inserted = 0;  ///< since the statistics began, rolled back or not
  std::int64_t deleted = 0;
};

class RowWatch {
 public:
  /// Everything that was counted at one look. `before` is the last position at which nothing of
  /// what is new here can have been committed.
  [[nodiscard]] std::vector<RowLoss> look(const std::vector<RowCount>& counts,
                                          const Position& before, SteadyTime now);

  /// Where the WAL is, at every look, whether rows are counted or not.
  void remember(const Position& now);
  /// By the database's own counters no table can have lost most of its rows since they were
  /// counted.
  void note_still(const Position& now) { still_ = now; }

  /// Tables whose file is another one and may be empty: their size is asked for.
  [[nodiscard]] std::vector<Oid> suspects() const;
  /// The next count tells more of one of them.
  [[nodiscard]] bool awaits_statistics() const;
  /// The answer for one of them.
  [[nodiscard]] std::optional<RowLoss> measured(Oid oid, std::int64_t bytes, SteadyTime now);

 private:
  struct Base {
    RowCount count;
    SteadyTime at;
    Position position;   ///< where the WAL was
    bool falls = false;  ///< rows are fewer than then, not yet so few that it is a loss
  };
  struct Suspect {
    RowLoss loss;
    RowCount base;                         ///< before the file was replaced
    RowCount count;                        ///< the first after it
    std::optional<SteadyTime> measured{};  ///< it holds something: the statistics are waited for
  };
  /// The newest one that statistics taken at `at` cannot be behind; the oldest known before it,
  /// else; invalid where there is none.
  [[nodiscard]] Position well_before(SteadyTime at) const;
  [[nodiscard]] std::optional<RowLoss> await_statistics(const RowCount& now, SteadyTime at);
  [[nodiscard]] std::optional<RowLoss> judge(const RowCount& now, Base& base,
                                             const Position& before, SteadyTime at);

  std::map<std::uint32_t, Base> bases_;
  std::map<std::uint32_t, Suspect> suspects_;
  Position still_;
  std::deque<Position> positions_;  ///< the newest last
};

}  // namespace pgkeel::sense
