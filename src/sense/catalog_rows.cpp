// See catalog_rows.hpp.
#include "sense/catalog_rows.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeel::sense {
namespace {

using client::Rows;

Oid read_oid(const Rows& rows, std::size_t row) {
  return Oid{static_cast<std::uint32_t>(rows.int64(row, 0).value_or(0))};
}

RowCount count_in(const Rows& rows, std::size_t row, std::size_t filenode, std::int64_t estimate) {
  RowCount count;
  count.oid = read_oid(rows, row);
  count.filenode = static_cast<std::uint32_t>(rows.int64(row, filenode).value_or(0));
  if (const auto maybe = rows.text(row, filenode + 1)) count.maybe_empty = *maybe == "t";
  count.rows = std::max<std::int64_t>(estimate, 0);
  return count;
}

void take_statistics(const Rows& rows, std::size_t row, std::size_t live, RowCount& count) {
  count.live = rows.int64(row, live).value_or(0);
  count.inserted = rows.int64(row, live + 1).value_or(0);
  count.deleted = rows.int64(row, live + 2).value_or(0);
}

}  // namespace

std::string horizon_with_churn(Oid database) {
  return fmt::format(
      "{0}, pg_stat_get_db_tuples_inserted({1}) + pg_stat_get_db_tuples_deleted({1})", kHorizon,
      database.value);
}

std::string sizes_of(const std::vector<Oid>& relations) {
  std::string oids;
  for (const auto oid : relations) oids += fmt::format("{}{}", oids.empty() ? "" : ",", oid.value);
  return fmt::format(
      "select oid, pg_relation_size(oid::oid) from (select c.oid from pg_class c where c.oid in "
      "({})"
      " and not exists (select from pg_locks l where l.relation = c.oid"
      " and l.mode = 'AccessExclusiveLock') offset 0) free",
      oids);
}

std::vector<RowCount> counts_in_relations(const Rows& rows) {
  std::vector<RowCount> counts;
  for (std::size_t row = 0; row < std::min(rows.size(), kRelationsMax); ++row) {
    counts.push_back(count_in(rows, row, 8, rows.int64(row, 6).value_or(0)));
    take_statistics(rows, row, 10, counts.back());
  }
  return counts;
}

std::vector<RowCount> counts_in(const Rows& rows) {
  std::vector<RowCount> counts;
  for (std::size_t row = 0; row < std::min(rows.size(), kRelationsMax); ++row) {
    counts.push_back(count_in(rows, row, 1, rows.int64(row, 3).value_or(0)));
    take_statistics(rows, row, 4, counts.back());
  }
  return counts;
}

std::string read_text(const Rows& rows, std::size_t row, std::size_t column) {
  return std::string(rows.text(row, column).value_or(""));
}

std::vector<Database> read_databases(const Rows& rows) {
  std::vector<Database> databases;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Database database;
    database.oid = read_oid(rows, row);
    database.name = read_text(rows, row, 1);
    database.owner = read_text(rows, row, 2);
    database.encoding = read_text(rows, row, 3);
    database.collate = read_text(rows, row, 4);
    database.ctype = read_text(rows, row, 5);
    database.size_bytes = rows.int64(row, 6).value_or(0);
    databases.push_back(std::move(database));
  }
  return databases;
}

std::vector<std::string> read_schemas(const Rows& rows) {
  std::vector<std::string> schemas;
  if (rows.size() > kRelationsMax) return schemas;
  for (std::size_t row = 0; row < rows.size(); ++row) schemas.push_back(read_text(rows, row, 0));
  return schemas;
}

std::vector<Relation> read_relations(const Rows& rows) {
  std::vector<Relation> relations;
  for (std::size_t row = 0; row < std::min(rows.size(), kRelationsMax); ++row) {
    Relation relation;
    relation.oid = read_oid(rows, row);
    relation.schema = read_text(rows, row, 1);
    relation.name = read_text(rows, row, 2);
    relation.kind = rows.text(row, 3).value_or("r").front();
    relation.owner = read_text(rows, row, 4);
    relation.size_bytes = rows.int64(row, 5).value_or(0);
    relation.rows_estimate = std::max<std::int64_t>(rows.int64(row, 6).value_or(0), 0);
    relation.readable = rows.text(row, 7).value_or("t") == "t";
    relation.live_rows = rows.int64(row, 10).value_or(0);
    relations.push_back(std::move(relation));
  }
  return relations;
}

}  // namespace pgkeel::sense
