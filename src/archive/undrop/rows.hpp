// The rows of tables, out of a session in the copy straight into one in the live server: a named
// pipe for each table, PostgreSQL's binary form where every type allows it, else text. For
// transfer.hpp, whose two scripts these are.
#pragma once

#include "archive/undrop/parts.hpp"

namespace pgkeel::archive {

/// In the scratch directory, for so many tables.
Result<void> make_row_pipes(const Side& side, std::size_t tables);
/// The copy's whole script: gives the rows, then says how many of each, and whether it stood still.
[[nodiscard]] std::string read_rows(const Side& side, const std::vector<TableRows>& tables);
/// A part of the live one's, in the transaction that made the tables.
[[nodiscard]] std::string write_rows(const Side& side, const std::vector<TableRows>& tables);
/// From what the copy's script said. WrongState when it moved on; Malformed.
Result<void> note_counts(std::string_view said, TakenOut& taken);

}  // namespace pgkeel::archive
