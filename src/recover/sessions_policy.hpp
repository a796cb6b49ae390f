// Which sessions the policy allows to be ended, by what the senses saw: the guards of the remedies
// that end sessions, and the preconditions of their steps. Pure; the step looks again for itself.
#pragma once

#include "recover/policy.hpp"
#include "sense/observation.hpp"

namespace pgkeel::recover {

/// So many transactions' dead rows are kept for one that tables grow to be felt.
inline constexpr std::int64_t kXminAgeFelt = 1'000'000;

/// A login met 53300, or none of the connections for clients is free.
[[nodiscard]] bool clients_are_refused(const sense::LoginFacts& login);
/// Of clients, idle or idle in a transaction for longer than the policy allows.
[[nodiscard]] bool has_idle_sessions(const sense::ActivityFacts& activity,
                                     const EndSessions& policy);
/// Idle in a transaction beyond the policy, while others wait for it or dead rows are kept for it.
[[nodiscard]] bool has_idle_transaction(const sense::ActivityFacts& activity,
                                        const EndSessions& policy);

}  // namespace pgkeel::recover
