// Waiting on conditions instead of sleeping, and ports nobody uses. A test awaits what it needs
// with a generous limit; the limit is only reached when the test has failed anyway.
#pragma once

#include <cstdint>
#include <functional>

#include "base/time.hpp"

namespace pgkeel::test {

/// Long enough for a loaded two-core machine under a sanitizer.
inline constexpr Millis kPatience{20'000};

/// Asks `condition` every few milliseconds (20 at most) until it is true; false when `limit` passed
/// first.
[[nodiscard]] bool wait_until(const std::function<bool()>& condition, Millis limit = kPatience);

/// A TCP port on 127.0.0.1 that nobody listens on, below the ephemeral range so that no outgoing
/// connection takes it before the test does. Throws std::runtime_error when none is found.
[[nodiscard]] std::uint16_t free_port();

}  // namespace pgkeel::test
