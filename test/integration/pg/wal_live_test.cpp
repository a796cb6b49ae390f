// The WAL of real servers, record for record: against what pg_waldump prints, and against what was
// done to the server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <regex>
#include <sstream>

#include "integration/pg/majors.hpp"
#include "integration/pg/wal_files.hpp"
#include "pg/wal/meaning.hpp"
#include "pg/wal_name.hpp"
#include "support/child.hpp"

namespace pgkeel::test {
namespace {

using pg::WalContents;
using pg::WalMeaning;
using pg::WalRecord;
using testing::Contains;
using testing::Field;

class WalLive : public EveryMajor {};
PGKEEL_FOR_EVERY_MAJOR(WalLive);

const std::pair<std::string, std::string> kKept{"wal_keep_size", "1GB"};  // nothing is recycled

/// Everything between two positions, decoded.
struct Decoded {
  struct Line {
    Lsn start;
    std::uint32_t xid;
    std::string manager;
    std::size_t bytes;
    friend bool operator==(const Line&, const Line&) = default;
  };
  std::vector<Line> lines;
  std::vector<WalMeaning> meanings;  ///< without messages' views and rows' spans
  std::vector<std::string> messages;
  Lsn end;
};

void take(const WalRecord& record, int major, Decoded& into) {
  WalContents contents;
  const auto read = contents.read(record, major);
  ASSERT_TRUE(read.has_value()) << read.error().message();
  auto meaning = pg::meaning_of(record, contents, major);
  ASSERT_TRUE(meaning.has_value()) << meaning.error().message();
  into.lines.push_back({record.start, record.xid.value, std::string(to_string(record.rmgr)),
                        record.body.size() + pg::kWalRecordHeaderBytes});
  if (const auto* message = std::get_if<pg::LogicalMessage>(&*meaning))
    into.messages.push_back(std::string(message->prefix) + ":" + std::string(message->content));
  else if (!std::holds_alternative<std::monostate>(*meaning))
    into.meanings.push_back(std::move(*meaning));
}

Decoded decode(const PostgresServer& server, int major, Lsn from, Lsn to) {
  Decoded decoded;
  decoded.end = for_each_record(server, major, {from, to},
                                [&](const WalRecord& record) { take(record, major, decoded); });
  return decoded;
}

template <class Kind>
std::vector<Kind> all_of(const Decoded& decoded) {
  std::vector<Kind> found;
  for (const auto& meaning : decoded.meanings)
    if (const auto* one = std::get_if<Kind>(&meaning)) found.push_back(*one);
  return found;
}

std::uint32_t number(const PostgresServer& server, const std::string& sql) {
  return static_cast<std::uint32_t>(std::stoul(server.query(sql)));
}

bool locks(const Decoded& decoded, pg::ShortXid xid, std::uint32_t relation) {
  const auto is = [&](const pg::StandbyLock& lock) {
    return lock.xid == xid && lock.relation.value == relation;
  };
  return std::ranges::any_of(all_of<pg::StandbyLocks>(decoded),
                             [&](const auto& told) { return std::ranges::any_of(told.locks, is); });
}

pg::RowsChanged rows_of(const Decoded& decoded, std::uint32_t file) {
  pg::RowsChanged sum;
  for (const auto& rows : all_of<pg::RowsChanged>(decoded)) {
    if (rows.file.number.value != file) continue;
    sum.inserted += rows.inserted;
    sum.deleted += rows.deleted;
  }
  return sum;
}

TEST_P(WalLive, every_record_is_found_and_means_what_was_done) {
  // Goal: X1: over several segments and a switch, each record's checksum and link hold, and drops,
  // truncations, locks, databases, messages and rows are what was done (13 to 18).
  auto with = options();
  with.settings = {{"max_prepared_transactions", "2"}, kKept};
  PostgresServer server(with);
  server.query("create table kept (id int primary key, words text)");
  server.query("create table doomed (id int)");
  server.query("create table emptied as select generate_series(1, 10) id");
  const auto doomed = number(server, "select 'doomed'::regclass::oid");
  const auto doomed_file = number(server, "select pg_relation_filenode('doomed')");
  const auto database = number(server, "select oid from pg_database where datname = 'postgres'");
  const auto from = wal_position(server);

  server.query(
      "insert into kept select i, repeat(md5(i::text), 20) from generate_series(1, 40000) i");
  server.query("select pg_switch_wal()");
  server.query("update kept set words = 'x' where id <= 100");
  server.query("delete from kept where id > 39990");
  server.query("select pg_logical_emit_message(true, 'pgkeel', 'token-1')");
  server.query("begin; savepoint s; drop table doomed; commit");
  server.query("truncate emptied");
  server.query("begin; insert into kept values (50000, 'a'); prepare transaction 'later'");
  server.query("commit prepared 'later'");
  server.query("select pg_create_restore_point('here')");
  server.query("create database other");
  const auto other = number(server, "select oid from pg_database where datname = 'other'");
  server.query("drop database other");
  const auto to = flushed_position(server);
  const auto decoded = decode(server, GetParam(), from, to);

  EXPECT_EQ(decoded.end, to);
  EXPECT_GT(to.value - from.value, 2 * pg::kDefaultWalSegmentBytes);
  EXPECT_THAT(decoded.messages, Contains("pgkeel:token-1"));
  const auto ends = all_of<pg::TransactionEnd>(decoded);
  const auto drops = [&](const pg::TransactionEnd& end) {
    return end.committed && std::ranges::any_of(end.dropped, [&](const auto& file) {
             return file.number.value == doomed_file && file.database.value == database;
           });
  };
  ASSERT_EQ(std::ranges::count_if(ends, drops), 1);
  const auto drop = *std::ranges::find_if(ends, drops);
  ASSERT_EQ(drop.subtransactions.size(), 1U);
  EXPECT_TRUE(locks(decoded, drop.subtransactions.front(), doomed));
  const auto changed = rows_of(decoded, number(server, "select pg_relation_filenode('kept')"));
  EXPECT_EQ(changed.inserted, 40'001U);
  EXPECT_EQ(changed.deleted, 10U);
  const auto prepared = all_of<pg::TransactionPrepared>(decoded);
  ASSERT_EQ(prepared.size(), 1U);
  EXPECT_EQ(prepared.front().gid, "later");
  EXPECT_TRUE(std::ranges::any_of(ends, [&](const auto& end) {
    return end.prepared && end.committed && end.xid == prepared.front().xid;
  }));
  EXPECT_THAT(all_of<pg::RestorePoint>(decoded), Contains(Field(&pg::RestorePoint::name, "here")));
  EXPECT_THAT(all_of<pg::DatabaseCreated>(decoded),
              Contains(Field(&pg::DatabaseCreated::database, Oid(other))));
  EXPECT_THAT(all_of<pg::DatabaseDropped>(decoded),
              Contains(Field(&pg::DatabaseDropped::database, Oid(other))));
  EXPECT_FALSE(all_of<pg::RunningTransactions>(decoded).empty());
}

std::vector<Decoded::Line> waldump(const PostgresServer& server, Lsn from, Lsn to) {
  const auto output = server.temp_dir() / "waldump";
  const auto segment_of = [](Lsn at) {
    constexpr auto kBytes = pg::kDefaultWalSegmentBytes;
    return pg::segment_name(pg::segment_of(TimelineId(1), at, kBytes), kBytes);
  };
  run_child(
      {(server.bin_dir() / "pg_waldump").string(), "-p", (server.data_dir() / "pg_wal").string(),
       "-s", to_string(from), "-e", to_string(to), segment_of(from), segment_of(to)},
      output);
  static const std::regex kLine(
      R"(rmgr: (\S+)\s+len \(rec/tot\):\s+\d+/\s*(\d+), tx:\s+(\d+), lsn: (\S+), prev)");
  std::vector<Decoded::Line> lines;
  std::istringstream text(read_file(output));
  for (std::string line; std::getline(text, line);) {
    std::smatch match;
    if (!std::regex_search(line, match, kLine)) continue;
    lines.push_back({*parse_lsn(match[4].str()), static_cast<std::uint32_t>(std::stoul(match[3])),
                     match[1].str(), std::stoul(match[2])});
  }
  return lines;
}

TEST(WalDump, prints_the_very_records_that_are_decoded) {
  // Goal: X1: over a workload of inserts, updates, indexes of every kind, drops and a vacuum, our
  // records are pg_waldump's, one by one: position, transaction, resource manager, length.
  PostgresServer server(
      {.settings = {{"wal_compression", "pglz"}, {"wal_level", "logical"}, kKept}});
  const auto from = wal_position(server);
  server.query(
      "create table t (id serial primary key, words text, spot point, tags int[]);"
      "create index on t using hash (words); create index on t using gist (spot);"
      "create index on t using gin (tags); create index on t using brin (id);"
      "create index on t using spgist (spot)");
  server.query(
      "insert into t (words, spot, tags) select md5(i::text), point(i, i), array[i, i % 7]"
      " from generate_series(1, 20000) i");
  server.query("checkpoint");
  server.query("update t set words = words || 'x' where id % 3 = 0");
  server.query("delete from t where id % 5 = 0");
  server.query("vacuum t");
  server.query("truncate t");
  server.query("drop table t");
  const auto to = flushed_position(server);
  const auto ours = decode(server, 15, from, to).lines;
  const auto theirs = waldump(server, from, to);
  ASSERT_GT(theirs.size(), 50'000U);
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i)
    ASSERT_EQ(ours[i], theirs[i]) << to_string(ours[i].start) << " " << to_string(theirs[i].start);
}

}  // namespace
}  // namespace pgkeel::test
