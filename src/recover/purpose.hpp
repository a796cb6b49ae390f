// Whether the server is down because somebody wanted it so, kept in the ledger: the next guard must
// know that what it finds was left so on purpose. It holds for this boot of the machine only: a
// machine that went down took the server with it, and means it to come back.
#pragma once

#include "incident/ledger.hpp"

namespace pgkeel::recover {

[[nodiscard]] Result<bool> stopped_on_purpose(const incident::Ledger& ledger);
Result<void> keep_stop_on_purpose(incident::Ledger& ledger, bool stopped);

}  // namespace pgkeel::recover
