// Health documents: application/health+json (draft-inadarei-api-health-check-06) in a small and a
// detailed form, and Kubernetes' plain lines for /readyz?verbose. Pure text from a snapshot.
#pragma once

#include <set>
#include <string>

#include "serve/status.hpp"

namespace pgkeel::serve {

inline constexpr std::string_view kHealthContentType = "application/health+json";

/// /health: status, database size, age of the last login, one check per probe.
[[nodiscard]] std::string health_document(const Status& status, SteadyTime now);

/// /database/health: the same and sizes, connections against their limit, largest tables, disk,
/// replication, archive, shadow, open incidents.
[[nodiscard]] std::string database_health_document(const Status& status, SteadyTime now);

struct Readiness {
  bool ready = false;
  std::string lines;  ///< "[+]login ok" ... "readyz check passed"
};
/// The checks that decide (state, process, login) without those named in `excluded`; other probes
/// are listed with "[ ]" and decide nothing.
[[nodiscard]] Readiness readiness(const Status& status, const std::set<std::string>& excluded,
                                  SteadyTime now);

}  // namespace pgkeel::serve
