// See abandoned.hpp.
#include "recover/abandoned.hpp"

#include <fmt/format.h>

namespace pgkeel::recover {
namespace {

std::string fact_of(std::string_view incident) { return fmt::format("abandoned/{}", incident); }

}  // namespace

Result<std::string> abandoned_by(const incident::Ledger& ledger, std::string_view incident) {
  return ledger.fact(fact_of(incident));
}

Result<void> keep_abandoned(incident::Ledger& ledger, std::string_view incident,
                            std::string_view who) {
  return ledger.set_fact(fact_of(incident), who);
}

}  // namespace pgkeel::recover
