// See collation_watch.hpp.
#include "sense/collation_watch.hpp"

#include "sense/catalog_rows.hpp"
#include "sense/session.hpp"

namespace pgkeel::sense {
namespace {

constexpr Seconds kLookEvery{3600};
constexpr Seconds kTurn{5};
constexpr int kFirstWithDatabaseVersions = 150'000;

// Rules that are part of the server itself (C, POSIX) never change.
constexpr std::string_view kVersions =
    "select datname, datcollversion, pg_database_collation_actual_version(oid) from pg_database"
    " where datallowconn and not datistemplate and not (datlocprovider = 'c'"
    " and (datcollate in ('C', 'POSIX') or datcollate like 'C.%')) order by oid";
// 13 and 14 keep the version with the collation of that name, where there is one.
constexpr std::string_view kVersionsBefore15 =
    "select distinct on (d.oid) d.datname, c.collversion, pg_collation_actual_version(c.oid)"
    " from pg_database d left join pg_collation c on c.collprovider = 'c'"
    " and c.collcollate = d.datcollate and c.collversion is not null"
    " where d.datallowconn and not d.datistemplate"
    " and d.datcollate not in ('C', 'POSIX') and d.datcollate not like 'C.%' order by d.oid";

bool due(const Board& board) {
  const auto& seen = board.seen;
  if (!seen.login.ok() || seen.process.pid == 0) return false;
  return seen.collations.pid != seen.process.pid ||
         board.loop.now() - seen.collations.at >= kLookEvery;
}

void note(Board& board, const client::Rows& rows, pid_t pid) {
  CollationFacts facts{board.loop.now(), pid, {}};
  for (std::size_t row = 0; row < rows.size(); ++row)
    facts.databases.push_back(
        {read_text(rows, row, 0), read_text(rows, row, 1), read_text(rows, row, 2)});
  board.seen.collations = std::move(facts);
}

}  // namespace

runtime::Task<void> look_at_collations(Board* board) {
  const auto pid = board->seen.process.pid;
  auto session =
      co_await open_session(board, board->options.conninfo.database, "pgkeel collations");
  if (!session) co_return;
  const bool old = board->seen.login.server_version < kFirstWithDatabaseVersions;
  const auto rows = co_await session->query(std::string(old ? kVersionsBefore15 : kVersions), {},
                                            board->loop.after(board->options.timeout));
  if (rows) note(*board, *rows, pid);
}

runtime::Task<void> watch_collations(Board* board) {
  while (true) {
    if (due(*board)) co_await look_at_collations(board);
    static_cast<void>(co_await board->loop.sleep_for(kTurn));
  }
}

}  // namespace pgkeel::sense
