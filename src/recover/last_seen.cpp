// See last_seen.hpp. "0/3A7D9060 1200": the position, and the milliseconds up to the finding;
// "0/3A7D9060 1200 0/3A7F0000" where it may have been there for longer.
#include "recover/last_seen.hpp"

#include <charconv>

#include <fmt/format.h>

namespace pgkeel::recover {
namespace {

std::string fact_of(std::string_view incident) { return fmt::format("last_seen/{}", incident); }

}  // namespace

Result<void> keep_last_seen(incident::Ledger& ledger, std::string_view incident,
                            const diagnose::LastSeen& seen) {
  auto text = fmt::format("{} {}", to_string(seen.lsn), seen.age.count());
  if (seen.latest.valid()) text += " " + to_string(seen.latest);
  return ledger.set_fact(fact_of(incident), text);
}

Result<std::optional<diagnose::LastSeen>> last_seen(const incident::Ledger& ledger,
                                                    std::string_view incident) {
  TRY(text, ledger.fact(fact_of(incident)));
  const auto space = text.find(' ');
  if (space == std::string::npos) return std::nullopt;
  TRY(lsn, parse_lsn(text.substr(0, space)));
  Millis::rep age = 0;
  std::from_chars(text.data() + space + 1, text.data() + text.size(), age);
  diagnose::LastSeen seen{lsn, Millis(age)};
  const auto second = text.find(' ', space + 1);
  if (second == std::string::npos) return seen;
  TRY(latest, parse_lsn(text.substr(second + 1)));
  seen.latest = latest;
  return seen;
}

}  // namespace pgkeel::recover
