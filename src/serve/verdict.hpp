// May the database be used, and is all well? One pure judgement of a snapshot, asked by every
// health endpoint and by the metrics, so that no two of them can disagree.
// It trusts only evidence: a probe that is stale, or a login made before the server's last start,
// reads as failing and says how old it is. It refuses to guess: what was never probed does not
// serve.
#pragma once

#include <string>

#include "serve/status.hpp"

namespace pgkeel::serve {

/// The words of draft-inadarei-api-health-check-06.
enum class Grade { Pass, Warn, Fail };
[[nodiscard]] std::string_view to_string(Grade grade);

/// One probe as it reads now.
struct ProbeReading {
  Millis age{0};
  bool stale = false;
  Grade grade = Grade::Fail;  ///< Pass or Fail
  std::string note;           ///< why not Pass, with the age where that is the reason
};
[[nodiscard]] ProbeReading read_probe(const Probe& probe, const Status& status, SteadyTime now);

struct Verdict {
  bool state_allows = false;  ///< the guard's own state does not forbid use
  bool serving = false;       ///< takes logins and may be used
  bool writable = false;      ///< serving, a primary, and the last write went through
  Grade grade = Grade::Fail;  ///< Fail exactly when it does not serve
  std::string reason;         ///< one sentence; empty for Pass
};
[[nodiscard]] Verdict judge(const Status& status, SteadyTime now);

/// Whether `name` alone can make the database count as not serving.
[[nodiscard]] bool decides(std::string_view name);

}  // namespace pgkeel::serve
