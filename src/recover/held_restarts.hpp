// What the guard keeps the server from being started by, as it was before: in the ledger from
// before it is changed until it is set back. A guard that was killed in between sets it back when
// the known cluster serves again.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "incident/ledger.hpp"
#include "instance/instance.hpp"

namespace pgkeel::recover {

struct GuardState;
struct Policy;
struct Services;

/// Nothing when nothing is held.
[[nodiscard]] Result<std::optional<instance::Restarter>> held_restarter(
    const incident::Ledger& ledger);

/// Keeps how it was and sets it so that it starts nothing; what it was before. Kept even where
/// setting it fails: setting it back does no harm.
runtime::Task<Result<instance::Restarter>> hold_restarts(Services* services);
/// Sets it back and forgets it. What it is now: as it was, or as somebody set it meanwhile, which
/// is left so; nothing when nothing was held, or what was is gone.
runtime::Task<Result<std::optional<instance::Restarter>>> release_restarts(Services* services);
/// For people: what became of what was held.
[[nodiscard]] std::string release_words(const instance::Restarter& kept,
                                        const std::optional<instance::Restarter>& released);

/// Set from before a second server is killed until the first one has made a checkpoint: until then
/// the control file on disk is the second one's.
inline constexpr std::string_view kCheckpointDueFact = "checkpoint_due";

/// Runs until stop is requested: releases what is still held, and makes a checkpoint that is still
/// due, while the known cluster serves. For a guard that was killed before it came to that. Only in
/// mode act and while not paused; each act is in the journal before and after.
runtime::Task<void> release_when_served(Services* services, const Policy* policy,
                                        const GuardState* state, std::stop_token stop);

}  // namespace pgkeel::recover
