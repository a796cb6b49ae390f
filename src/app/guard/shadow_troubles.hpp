// What is wrong with the shadow, as an incident would say it. Pure; how long it has lasted is the
// caller's to know.
#pragma once

#include <optional>

#include "sense/observation.hpp"
#include "shadow/standby/status.hpp"

namespace pgkeel::app {

/// Without `since`; its subject is archive.shadow. A copy that could not be replayed is told at
/// once, although another is built: it was made of nothing but the archive. What else keeps the
/// shadow from following is told when it lasts. Texts and hints end without a full stop.
[[nodiscard]] std::optional<sense::ArchiveTrouble> shadow_trouble(
    const std::optional<shadow::ShadowStatus>& status, WallTime now);

}  // namespace pgkeel::app
