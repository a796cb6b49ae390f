// Which faults can be there together, and a seeded choice of such pairs.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "chaos/accuracy/injector.hpp"

namespace pgkeel::chaos {

using FaultPair = std::pair<const Injector*, const Injector*>;

/// Whether neither physically hides the other: at most one of them ends the server, a storm of
/// connections does not outlast it, and a vacuum does not come before what it would meet.
[[nodiscard]] bool can_meet(const Injector& one, const Injector& other);

/// `count` different pairs at most, the same for the same seed; only of faults this machine can
/// inject.
[[nodiscard]] std::vector<FaultPair> draw_pairs(std::uint64_t seed, std::size_t count);

/// Why this machine cannot inject the fault; empty: it can.
[[nodiscard]] std::string unable(const Injector& injector);

}  // namespace pgkeel::chaos
