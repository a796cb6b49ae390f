// See rows.hpp.
#include "archive/undrop/rows.hpp"

#include <charconv>

#include <fmt/format.h>

#include "archive/undrop/transfer.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::string_view kStoodStill = "stood still";

std::filesystem::path pipe_of(const Side& side, std::size_t table) {
  return side.scratch->work() / fmt::format("rows-{}", table);
}

const char* form_of(const TableRows& table) { return table.binary ? "binary" : "text"; }

std::string_view take_line(std::string_view& text) {
  const auto line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

}  // namespace

Result<void> make_row_pipes(const Side& side, std::size_t tables) {
  for (std::size_t table = 0; table < tables; ++table)
    TRY_VOID(make_pipe_file(pipe_of(side, table), side.copy.account));
  return {};
}

std::string read_rows(const Side& side, const std::vector<TableRows>& tables) {
  std::string script = kSameForms;
  script += "set search_path to '';\nset row_security = off;\n";
  for (std::size_t i = 0; i < tables.size(); ++i)
    script += fmt::format("copy {} {} to stdout (format {}) \\g {}\n\\echo :ROW_COUNT\n",
                          tables[i].quoted, tables[i].columns, form_of(tables[i]),
                          psql_word(pipe_of(side, i)));
  if (!side.read_only()) return script + fmt::format("\\echo {}\n", kStoodStill);
  return script + fmt::format(
                      "select case when pg_catalog.pg_last_wal_replay_lsn() <= '{}'::pg_lsn then "
                      "'{}' end;\n",
                      to_string(side.request->standing->lsn), kStoodStill);
}

// Frozen: no other transaction has seen the table yet, nor will before all of it is there.
std::string write_rows(const Side& side, const std::vector<TableRows>& tables) {
  std::string script = kSameForms;
  for (std::size_t i = 0; i < tables.size(); ++i)
    script += fmt::format("\\copy {} {} from {} (format {}{})\n", tables[i].into, tables[i].columns,
                          psql_word(pipe_of(side, i)), form_of(tables[i]),
                          tables[i].into == tables[i].quoted ? ", freeze" : "");
  return script;
}

Result<void> note_counts(std::string_view said, TakenOut& taken) {
  for (const auto& table : taken.rows) {
    const auto line = take_line(said);
    auto& rows = taken.relations[table.relation].rows;
    const auto* const end = line.data() + line.size();
    const auto read = std::from_chars(line.data(), end, rows);
    if (read.ec != std::errc() || read.ptr != end)
      return fail(ErrorCode::Malformed, "psql does not say how many rows it read");
  }
  if (take_line(said) != kStoodStill) return fail(moved_on());
  return {};
}

}  // namespace pgkeel::archive
