// Reading pg_restore's table of contents: "215; 1259 16386 TABLE public orders app" and, in verbose
// listings, ";\tdepends on: 200 201" behind it. The type may be several words; types are matched
// longest first from the list pg_dump writes.
#include "recover/definitions.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

namespace pgkeel::recover {
namespace {

constexpr auto kTypes = std::to_array<std::string_view>({"MATERIALIZED VIEW",
                                                         "CHECK CONSTRAINT",
                                                         "SEQUENCE OWNED BY",
                                                         "FK CONSTRAINT",
                                                         "INDEX ATTACH",
                                                         "TABLE ATTACH",
                                                         "ROW SECURITY",
                                                         "SEQUENCE SET",
                                                         "DEFAULT ACL",
                                                         "CONSTRAINT",
                                                         "STATISTICS",
                                                         "SEQUENCE",
                                                         "TRIGGER",
                                                         "DEFAULT",
                                                         "COMMENT",
                                                         "SCHEMA",
                                                         "POLICY",
                                                         "TABLE",
                                                         "INDEX",
                                                         "RULE",
                                                         "VIEW",
                                                         "ACL",
                                                         "TYPE"});

std::string_view take_word(std::string_view& rest) {
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  const auto end = std::min(rest.find(' '), rest.size());
  const auto word = rest.substr(0, end);
  rest.remove_prefix(end);
  return word;
}

bool take_type(std::string_view& rest, std::string& type) {
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  for (const auto known : kTypes) {
    if (!rest.starts_with(known) || !rest.substr(known.size()).starts_with(' ')) continue;
    type = known;
    rest.remove_prefix(known.size());
    return true;
  }
  return false;
}

bool parse_entry(std::string_view line, TocEntry& entry) {
  const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), entry.id);
  auto rest = line.substr(static_cast<std::size_t>(stop - line.data()));
  if (error != std::errc{} || !rest.starts_with("; ")) return false;
  rest.remove_prefix(2);
  static_cast<void>(take_word(rest));  // catalog oid
  static_cast<void>(take_word(rest));  // object oid
  if (!take_type(rest, entry.type)) return false;
  entry.schema = take_word(rest);
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  const auto owner = rest.rfind(' ');  // names may hold spaces; the owner is the last word
  entry.name = rest.substr(0, owner == std::string_view::npos ? rest.size() : owner);
  entry.line = line;
  return true;
}

std::vector<int> parse_depends(std::string_view line) {
  constexpr std::string_view kMark = "depends on:";
  std::vector<int> ids;
  auto rest = line.substr(line.find(kMark) + kMark.size());
  for (auto word = take_word(rest); !word.empty(); word = take_word(rest)) {
    int id = 0;
    if (std::from_chars(word.data(), word.data() + word.size(), id).ec == std::errc{})
      ids.push_back(id);
  }
  return ids;
}

bool is_subject(const TocEntry& entry, std::string_view schema, std::string_view table) {
  return entry.type == "TABLE" && entry.schema == schema && entry.name == table;
}

// Everything that hangs on the chosen entries, until nothing is added. Other tables that merely
// reference the lost one are not re-created, but their foreign keys to it are.
void add_dependents(const std::vector<TocEntry>& entries, std::set<int>& chosen) {
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& entry : entries) {
      if (chosen.contains(entry.id) || entry.type == "TABLE" || entry.type == "SCHEMA") continue;
      const bool hangs_on =
          std::ranges::any_of(entry.depends_on, [&](int id) { return chosen.contains(id); });
      if (hangs_on) grew = chosen.insert(entry.id).second || grew;
    }
  }
}

// A serial column's sequence goes with the table: "SEQUENCE OWNED BY" depends on both.
void add_owned_sequences(const std::vector<TocEntry>& entries, std::set<int>& chosen) {
  for (const auto& entry : entries) {
    if (entry.type != "SEQUENCE OWNED BY" || !chosen.contains(entry.id)) continue;
    for (const int id : entry.depends_on) {
      const auto needed = std::ranges::find(entries, id, &TocEntry::id);
      if (needed != entries.end() && needed->type == "SEQUENCE") chosen.insert(id);
    }
  }
}

}  // namespace

std::vector<TocEntry> parse_toc(std::string_view listing) {
  std::vector<TocEntry> entries;
  while (!listing.empty()) {
    const auto end = std::min(listing.find('\n'), listing.size());
    const auto line = listing.substr(0, end);
    listing.remove_prefix(std::min(end + 1, listing.size()));
    TocEntry entry;
    if (line.starts_with(";") && line.contains("depends on:") && !entries.empty())
      entries.back().depends_on = parse_depends(line);
    else if (parse_entry(line, entry)) entries.push_back(std::move(entry));
  }
  return entries;
}

std::vector<std::string> toc_lines_for(const std::vector<TocEntry>& entries,
                                       std::string_view schema, std::string_view table) {
  std::set<int> chosen;
  for (const auto& entry : entries)
    if (is_subject(entry, schema, table)) chosen.insert(entry.id);
  if (chosen.empty()) return {};
  add_dependents(entries, chosen);
  add_owned_sequences(entries, chosen);
  add_dependents(entries, chosen);
  for (const auto& entry : entries)
    if (entry.type == "SCHEMA" && entry.name == schema) chosen.insert(entry.id);
  std::vector<std::string> lines;
  for (const auto& entry : entries)
    if (chosen.contains(entry.id)) lines.push_back(entry.line);
  return lines;
}

}  // namespace pgkeel::recover
