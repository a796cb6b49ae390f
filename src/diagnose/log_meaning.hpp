// What each signature of the server's log means to the people whose database it is: one sentence,
// how grave it is, what to do, and what else it brings along. Rows of the fault signatures (D1..,
// K1..) that are told by the log alone. Data, no code; `doctor` and docs/reference/log.md show it.
#pragma once

#include <span>
#include <string_view>

#include "incident/model.hpp"
#include "pg/log_signature.hpp"

namespace pgkeel::diagnose {

struct LogMeaning {
  pg::Signature signature;
  incident::Severity severity;  ///< Info: it tells, and asks for nothing
  std::string_view sentence;
  std::string_view advice;  ///< what to do; empty: nothing
};

/// Nothing for signatures that only narrate (a start, a stop, a reload).
[[nodiscard]] const LogMeaning* meaning_of(pg::Signature signature);
[[nodiscard]] std::span<const LogMeaning> log_meanings();

/// Whether `later`, seen within a moment of `earlier`, is only its consequence (the ordering rule
/// of the fault signatures: act on the earliest unexplained event).
[[nodiscard]] bool explains(pg::Signature earlier, pg::Signature later);
/// Whether it may explain anything.
[[nodiscard]] bool has_consequences(pg::Signature signature);

}  // namespace pgkeel::diagnose
