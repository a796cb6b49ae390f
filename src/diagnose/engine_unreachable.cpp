// The server is down and the container engine does not answer, so nobody can start it: the engine
// is stopped, updated, or its socket is not where the configuration says.
// While the server runs this is no trouble of the database's and is not named.
#include "diagnose/case.hpp"

namespace pgkeel::diagnose {

std::vector<Finding> engine_unreachable(const Case& the_case) {
  const auto& hosting = the_case.seen.hosting.facts;
  if (!hosting || hosting->error.empty()) return {};
  const bool absent = server_absent(the_case);
  if (!absent && !lost_from_sight(the_case)) return {};
  Finding finding;
  finding.cause = Cause::EngineUnreachable;
  finding.confidence = absent ? 0.95 : 0.7;
  finding.wait = true;
  finding.since = the_case.seen.process.died_at;
  finding.summary = absent ? "The server is down, and the container engine does not answer."
                           : "The server does not answer, nor does its container engine.";
  finding.evidence.push_back(evidence(the_case, "engine", hosting->error));
  return {finding};
}

}  // namespace pgkeel::diagnose
