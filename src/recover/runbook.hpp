// A page for each cause, for whoever is woken by it: what the guard does, step by step, what it
// waits for, and what is left to a person. Made from the same tables the guard acts by, so that it
// cannot say anything else; a human introduction stands above it (docs/guide/runbooks). Pure.
#pragma once

#include <string>

#include "diagnose/finding.hpp"

namespace pgkeel::recover {

/// What ends the human introduction of a page.
inline constexpr std::string_view kRunbookMark =
    "<!-- From here on made from the guard's own tables: PGKEEL_UPDATE_DOCS=1 unit_recover. -->\n";

/// The made part of the page, from the mark on.
[[nodiscard]] std::string runbook_markdown(diagnose::Cause cause);

/// docs/guide/runbooks/README.md: every page with its cause's sentence.
[[nodiscard]] std::string runbooks_index();

}  // namespace pgkeel::recover
