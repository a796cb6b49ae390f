// The list is text for people: "3312; 0 16385 TABLE DATA public orders postgres". Names in it are
// not quoted and may hold blanks; the second number is the table's oid, which cannot be mistaken.
#include "archive/dump/judge.hpp"

#include <algorithm>
#include <ranges>
#include <set>

#include <fmt/format.h>

namespace pgkeel::archive {
namespace {

constexpr std::string_view kTableData = "TABLE DATA ";

std::string_view take_word(std::string_view& rest) {
  const auto word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(std::min(word.size() + 1, rest.size()));
  return word;
}

// The oid in the line of a table's data; empty for any other line.
std::string_view data_of(std::string_view line) {
  for (int i = 0; i < 2; ++i) static_cast<void>(take_word(line));  // "3312;", "0"
  const auto oid = take_word(line);
  return line.starts_with(kTableData) ? oid : std::string_view();
}

}  // namespace

ListVerdict judge_list(std::string_view list, const TableOids& tables) {
  ListVerdict verdict;
  std::set<std::string_view> with_data;
  while (!list.empty()) {
    const auto line = list.substr(0, list.find('\n'));
    list.remove_prefix(std::min(line.size() + 1, list.size()));
    if (line.empty() || line.starts_with(';')) continue;
    ++verdict.entries;
    with_data.insert(data_of(line));
  }
  for (const auto& [table, oid] : tables) {
    if (with_data.contains(oid)) continue;
    verdict.missing = table;
    return verdict;
  }
  return verdict;
}

std::optional<std::string> shrinkage(const DumpedDatabase& now, const DumpedDatabase& before) {
  const auto share = [](auto part, auto whole) {
    return static_cast<double>(part) / static_cast<double>(whole);
  };
  const auto rows_before = before.rows_total();
  if (rows_before >= kRowsThatCount && share(now.rows_total(), rows_before) < kShrunkenShare)
    return fmt::format("it shrank: {} rows, the last good dump had {}", now.rows_total(),
                       rows_before);
  const auto bytes_before = before.object.plain_bytes;
  if (bytes_before >= kBytesThatCount &&
      share(now.object.plain_bytes, bytes_before) < kShrunkenShare)
    return fmt::format("it shrank: {}, the last good dump had {}",
                       format_size(now.object.plain_bytes), format_size(bytes_before));
  return std::nullopt;
}

std::optional<std::string> vanished(const Dump& now, const Dump& before) {
  for (const auto& database : before.databases) {
    const bool counts =
        database.rows_total() >= kRowsThatCount || database.object.plain_bytes >= kBytesThatCount;
    if (counts && now.find(database.name) == nullptr)
      return fmt::format(
          "database {} is gone, or may no longer be connected to: the last good dump had {} rows "
          "of it",
          database.name, database.rows_total());
  }
  return std::nullopt;
}

const DumpedDatabase* last_good(const std::vector<Dump>& dumps, std::string_view database) {
  for (const auto& dump : std::views::reverse(dumps)) {
    const auto* const found = dump.find(database);
    if (found != nullptr && found->stored() && found->failure.empty()) return found;
  }
  return nullptr;
}

}  // namespace pgkeel::archive
