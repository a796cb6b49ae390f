// See last_seen.hpp. "0/3A7D9060 1200": the position, and the milliseconds up to the finding.
#include "recover/last_seen.hpp"

#include <charconv>

#include <fmt/format.h>

namespace pgkeel::recover {
namespace {

std::string fact_of(std::string_view incident) { return fmt::format("last_seen/{}", incident); }

}  // namespace

Result<void> keep_last_seen(incident::Ledger& ledger, std::string_view incident,
                            const diagnose::LastSeen& seen) {
  return ledger.set_fact(fact_of(incident),
                         fmt::format("{} {}", to_string(seen.lsn), seen.age.count()));
}

Result<std::optional<diagnose::LastSeen>> last_seen(const incident::Ledger& ledger,
                                                    std::string_view incident) {
  TRY(text, ledger.fact(fact_of(incident)));
  const auto space = text.find(' ');
  if (space == std::string::npos) return std::nullopt;
  TRY(lsn, parse_lsn(text.substr(0, space)));
  Millis::rep age = 0;
  std::from_chars(text.data() + space + 1, text.data() + text.size(), age);
  return diagnose::LastSeen{lsn, Millis(age)};
}

}  // namespace pgkeel::recover
