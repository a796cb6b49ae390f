// Incidents a person took out of the guard's hands ('pgkeel incident abandon'), kept in the ledger:
// the next guard leaves them alone, too. Forgotten when the incident is closed.
#pragma once

#include <string>
#include <string_view>

#include "incident/ledger.hpp"

namespace pgkeel::recover {

/// Who abandoned it; empty: nobody.
[[nodiscard]] Result<std::string> abandoned_by(const incident::Ledger& ledger,
                                               std::string_view incident);
/// An empty `who` forgets it.
Result<void> keep_abandoned(incident::Ledger& ledger, std::string_view incident,
                            std::string_view who);

}  // namespace pgkeel::recover
