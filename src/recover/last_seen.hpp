// The WAL position at which what is gone was last seen to be there, kept in the ledger for as long
// as its incident: up to it the archive has it, whoever asks, the next guard included.
#pragma once

#include <optional>
#include <string_view>

#include "diagnose/finding.hpp"
#include "incident/ledger.hpp"

namespace pgkeel::recover {

Result<void> keep_last_seen(incident::Ledger& ledger, std::string_view incident,
                            const diagnose::LastSeen& seen);
/// nullopt when nobody saw it.
[[nodiscard]] Result<std::optional<diagnose::LastSeen>> last_seen(const incident::Ledger& ledger,
                                                                  std::string_view incident);

}  // namespace pgkeel::recover
