// What was destroyed, as the shadow's gate knows it, and the shadow itself where it is kept from
// just that: the copy an undrop reads at once.
#pragma once

#include <optional>
#include <stop_token>
#include <vector>

#include "app/config.hpp"
#include "archive/undrop/undrop.hpp"
#include "shadow/gate/status.hpp"

namespace pgkeel::app {

/// Its last destruction that was not undone, kept from the shadow or not; what the server has
/// written up to `written` is waited for a moment to be known. Nothing: the gate knows of none, or
/// does not know enough to say that it was the last.
[[nodiscard]] std::optional<shadow::GateEntry> find_destruction(
    const Config& config, const archive::UndropSubject& subject, Lsn written,
    const std::stop_token& stop);

/// The shadow, once it stands right before that destruction. Nothing: it is not kept from it, or
/// another one holds it before, or it does not answer.
[[nodiscard]] std::optional<archive::StandingCopy> held_copy(const Config& config,
                                                             const shadow::GateEntry& entry,
                                                             const std::stop_token& stop);

/// What was destroyed and is not back, the last one first; those that nobody knows by name yet are
/// not in it.
[[nodiscard]] std::vector<shadow::GateEntry> known_destructions(const Config& config);
/// Whether the shadow stands right before it.
[[nodiscard]] bool is_at_hand(const Config& config, const shadow::GateEntry& entry);

/// Behind it others were destroyed that are not known by name yet: made since, one of them may have
/// had the same.
[[nodiscard]] bool unknown_ones_behind(const Config& config, const shadow::GateEntry& entry);

}  // namespace pgkeel::app
