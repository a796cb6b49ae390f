// Killing the guard at one place of one step, and having the next guard finish.
#pragma once

#include <array>

#include "chaos/chaos.hpp"

namespace pgkeel::chaos {

/// Of a step: its intent is journaled, it has acted, its outcome is journaled.
inline constexpr auto kPlaces = std::to_array<std::string_view>({"intended", "acted", "journaled"});

/// A guard with this dies by SIGKILL at the fault point of that name, and leaves `mark`.
[[nodiscard]] app::GuardEnvironment crash_at(const std::filesystem::path& mark,
                                             const std::string& name);
void expect_died_at_the_place(Scene& scene, const std::filesystem::path& mark);
void expect_next_guard_finishes(Scene& scene, std::string_view cause,
                                const app::GuardEnvironment& environment = {});

}  // namespace pgkeel::chaos
