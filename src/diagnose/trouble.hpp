// Questions the rules ask of the trouble a running server's log told.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/rules.hpp"

namespace pgkeel::diagnose {

using Trouble = sense::LogWatchFacts::Seen;

/// Of these signatures, told within this time; the oldest first.
[[nodiscard]] std::vector<const Trouble*> told_within(
    const Case& the_case, Seconds within, std::initializer_list<pg::Signature> signatures);

/// "2026-11-21T20:11:00.000Z: could not ...", by the log's own time.
[[nodiscard]] incident::Evidence log_evidence(const Case& the_case, const Trouble& trouble);

}  // namespace pgkeel::diagnose
