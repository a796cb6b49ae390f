// See catalog_rows.hpp.
#include "sense/catalog_rows.hpp"

#include <algorithm>

namespace pgkeel::sense {
namespace {

using client::Rows;

Oid read_oid(const Rows& rows, std::size_t row) {
  return Oid{static_cast<std::uint32_t>(rows.int64(row, 0).value_or(0))};
}

}  // namespace

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
    relations.push_back(std::move(relation));
  }
  return relations;
}

}  // namespace pgkeel::sense
