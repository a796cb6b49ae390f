// The server is down and the container engine does not answer, so nobody can start it: the engine
// is stopped, updated, or its socket is not where the configuration says.
// While the server runs this is no trouble of the database's and is not named.
#include "diagnose/case.hpp"

namespace pgkeel::diagnose {

std::vector<Finding> engine_unreachable(const Case& the_case) {
  const auto& hosting = the_case.seen.hosting.facts;
  if (!hosting || hosting->error.empty() || !server_absent(the_case)) return {};
  Finding finding;
  finding.cause = Cause::EngineUnreachable;
  finding.confidence = 0.95;
  finding.wait = true;
  finding.since = the_case.seen.process.died_at;
  finding.summary = "The server is down, and the container engine does not answer.";
  finding.evidence.push_back(evidence(the_case, "engine", hosting->error));
  return {finding};
}

}  // namespace pgkeel::diagnose
