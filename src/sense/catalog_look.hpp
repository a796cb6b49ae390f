// One look at databases and relations over an open session, whether that session is kept
// (catalog_watch) or made for the look (visit). A look first asks whether any transaction was
// assigned at all, only then for a fingerprint, and reads a full listing only when that moved. Rows
// are counted when enough of them came or went.
#pragma once

#include <array>
#include <optional>

#include "client/connection.hpp"
#include "sense/board.hpp"
#include "sense/migration_tables.hpp"
#include "sense/row_watch.hpp"

namespace pgkeel::sense {

inline constexpr std::size_t kCostsKept = 8;

/// A list a session follows, and what it looked like last.
struct Followed {
  std::string horizon;
  std::string fingerprint;
  int moves = 0;
  SteadyTime listed_at;
};

/// Where the WAL was at the last looks: this one, the one before, and the one before that.
using Positions = std::array<Position, 3>;

/// When rows are counted: after the database's own counters have moved, and seldom where that
/// costs much.
struct Counting {
  std::optional<std::int64_t> churn;  ///< none: the server is not asked at every look
  std::int64_t counted_churn = 0;
  bool moved = false;  ///< a transaction was assigned that is not counted yet
  SteadyTime moved_at;
  SteadyTime not_before;
  std::array<std::chrono::microseconds, kCostsKept> costs{};
  std::size_t counts = 0;
};

/// One session with what the last look saw.
struct Watch {
  std::string database;
  SystemId cluster;  ///< what is kept below was seen in it
  std::optional<client::Connection> session;
  /// Sizes and row estimates drift without DDL; the listing is read anew this often.
  Seconds listing_every{60};
  /// The session has the horizon's statement. Through a pooler it may be another's.
  bool prepared = false;
  /// The same of the question for activity; none: not tried yet.
  std::optional<bool> activity_prepared;
  bool activity_soon = false;     ///< the last look found something to confirm
  bool activity_refused = false;  ///< the server does not answer the question
  Followed databases;
  Followed relations;
  Positions positions;
  int listings_read = 0;
  RowWatch rows;
  MigrationWatch migrations;
  Counting counting;
  std::array<std::chrono::microseconds, kCostsKept> costs{};
  std::size_t looks = 0;
};

/// Before a look: what was seen in another cluster is of no use in the one that stands there now.
void forget_another_cluster(const Board& board, Watch& watch);
/// What is asked at every look is planned once, where the server lets us.
runtime::Task<void> prepare_looks(Board* board, Watch* watch);
/// One transactional logical message, when write_every says so; never on a standby.
runtime::Task<client::DbResult<void>> write_if_due(Board* board, Watch* watch);
/// Databases, and the relations of the session's own.
runtime::Task<client::DbResult<void>> look_at_catalog(Board* board, Watch* watch);
/// The relations of the session's database only.
runtime::Task<client::DbResult<void>> look_at_database(Board* board, Watch* watch);

/// What the last look saw says all: no rows are still to be counted or waited for.
[[nodiscard]] bool knows_all(const Watch& watch);
/// As after a look that found nothing new, with the WAL at `position`.
void note_nothing_new(Board& board, Watch& watch, const Position& position);
/// The session's database is among those that were listed last.
[[nodiscard]] bool database_exists(const Board& board, const Watch& watch);

}  // namespace pgkeel::sense
