// Definitions without rows: taken with pg_dump --schema-only in its custom format when DDL changed,
// and used to re-create what is gone, empty, where the policy says so. pg_restore picks the
// entries; the dump's own table of contents says what depends on what.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "recover/playbook.hpp"

namespace pgkeel::recover {

/// A schema-only dump of `database`, in memory. NotSupported when no client programs are installed.
runtime::Task<Result<std::string>> dump_definitions(Services* services, std::string database);

/// One line of `pg_restore --list --verbose`.
struct TocEntry {
  int id = 0;
  std::string type;  ///< TABLE, CONSTRAINT, INDEX, SEQUENCE OWNED BY, FK CONSTRAINT ...
  std::string schema;
  std::string name;
  std::string line;  ///< the whole line, for --use-list
  std::vector<int> depends_on;
};
/// Pure; lines it does not understand are passed over.
[[nodiscard]] std::vector<TocEntry> parse_toc(std::string_view listing);
/// The lines needed to re-create one table: the table, what it needs that may have gone with it
/// (its sequences, its schema), and everything that depends on it. Empty when it is not listed.
[[nodiscard]] std::vector<std::string> toc_lines_for(const std::vector<TocEntry>& entries,
                                                     std::string_view schema,
                                                     std::string_view table);

/// Runs the whole dump into an empty database.
runtime::Task<Result<void>> restore_definitions(Services* services, std::string database,
                                                std::string dump);
/// Runs the entries of one table in one transaction; what exists already is left as it is.
runtime::Task<Result<void>> restore_table_definition(Services* services, std::string database,
                                                     std::string dump, std::string schema,
                                                     std::string table);

}  // namespace pgkeel::recover
