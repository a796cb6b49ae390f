// See mended.hpp. One line each: the time, a blank, the object; a line of another shape is dropped.
#include "recover/mended.hpp"

#include <algorithm>
#include <ranges>

#include "base/log.hpp"
#include "sense/log_watch.hpp"

namespace pgkeel::recover {
namespace {

constexpr std::string_view kFact = "mended";

Mended parse(std::string_view text) {
  Mended found;
  for (const auto part : std::views::split(text, '\n')) {
    const std::string_view line(part.begin(), part.end());
    const auto blank = line.find(' ');
    if (blank == std::string_view::npos) continue;
    const auto at = parse_iso8601(line.substr(0, blank));
    if (at) found.emplace(line.substr(blank + 1), *at);
  }
  return found;
}

}  // namespace

Result<Mended> mended(const incident::Ledger& ledger) {
  TRY(text, ledger.fact(kFact));
  return parse(text);
}

Result<void> keep_mended(incident::Ledger& ledger, const std::string& object, WallTime at) {
  TRY(all, mended(ledger));
  all[object] = at;
  while (all.size() > kMendedKept)
    all.erase(std::ranges::min_element(all, {}, &Mended::value_type::second));
  std::string text;
  for (const auto& [name, when] : all) text += to_iso8601(when) + " " + name + "\n";
  return ledger.set_fact(kFact, text);
}

void keep_files_back(incident::Ledger& ledger) {
  const auto kept = keep_mended(ledger, sense::kMissedFiles, wall_now());
  if (!kept) log_error("ledger not written", {{"why", kept.error().message()}});
}

}  // namespace pgkeel::recover
