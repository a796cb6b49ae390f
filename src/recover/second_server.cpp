// See second_server.hpp. The times are one line of text, oldest first.
#include "recover/second_server.hpp"

#include <algorithm>
#include <ranges>
#include <vector>

#include "base/time.hpp"

namespace pgkeel::recover {
namespace {

constexpr std::string_view kEndedFact = "second_servers_ended";
constexpr std::string_view kRestarterFact = "second_restarter";

// What cannot be read counts: it is not taken for an empty budget.
std::vector<std::string> recent(std::string_view text, WallTime now) {
  std::vector<std::string> kept;
  for (const auto part : std::views::split(text, ' ')) {
    const std::string word(part.begin(), part.end());
    if (word.empty()) continue;
    const auto at = parse_iso8601(word);
    if (!at || now - *at < kSecondServersWithin) kept.push_back(word);
  }
  return kept;
}

}  // namespace

Result<int> second_servers_ended(const incident::Ledger& ledger, WallTime now) {
  TRY(text, ledger.fact(kEndedFact));
  return static_cast<int>(recent(text, now).size());
}

Result<void> count_second_server(incident::Ledger& ledger, WallTime now) {
  TRY(text, ledger.fact(kEndedFact));
  std::string line;
  for (const auto& at : recent(text, now)) line += at + ' ';
  return ledger.set_fact(kEndedFact, line + to_iso8601(now));
}

Result<void> forget_second_servers(incident::Ledger& ledger) {
  return ledger.set_fact(kEndedFact, "");
}

Result<instance::Restarter> keep_second_restarter(incident::Ledger& ledger,
                                                  const instance::Restarter& now) {
  TRY(text, ledger.fact(kRestarterFact));
  const auto kept = instance::parse_restarter(text);
  const bool ours = kept && kept->name == now.name && instance::starts_nothing(now);
  if (ours) return *kept;
  TRY_VOID(ledger.set_fact(kRestarterFact, instance::to_text(now)));
  return now;
}

}  // namespace pgkeel::recover
