// What the server's log told is damaged and has been mended since: its log goes on telling it, and
// would have the next guard mend it again. Kept in the ledger, with the moment up to which the log
// is answered.
#pragma once

#include <map>
#include <string>

#include "base/result.hpp"
#include "base/time.hpp"
#include "incident/ledger.hpp"

namespace pgkeel::recover {

/// "shop: orders_pkey", and when; the newest kMendedKept.
using Mended = std::map<std::string, WallTime>;
inline constexpr std::size_t kMendedKept = 100;

[[nodiscard]] Result<Mended> mended(const incident::Ledger& ledger);
Result<void> keep_mended(incident::Ledger& ledger, const std::string& object, WallTime at);
/// The data directory is in its place again: what the log missed of it up to now is answered. A
/// ledger that cannot be written is logged, and no reason to stop.
void keep_files_back(incident::Ledger& ledger);

}  // namespace pgkeel::recover
