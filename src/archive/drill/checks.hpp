// What a restored server is asked: every table can be read to its end, every B-tree and heap is
// sound (amcheck, where it is installed), the user's own questions.
#pragma once

#include "archive/catalog/proof.hpp"
#include "archive/drill/drill.hpp"
#include "archive/restore/private_server.hpp"

namespace pgkeel::archive {

/// Fills in rows and checked; fails with what does not hold.
Result<void> ask_restored(const PrivateServer& server, const std::vector<DrillQuestion>& questions,
                          Proof& proof);

}  // namespace pgkeel::archive
