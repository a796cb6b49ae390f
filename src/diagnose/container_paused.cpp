// Somebody froze the container (docker pause): it is neither dead nor hung, and it is meant.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {

std::vector<Finding> container_paused(const Case& the_case) {
  const auto* hosting = hosting_of(the_case);
  if (hosting == nullptr || !hosting->container.paused || the_case.seen.login.ok()) return {};
  Finding finding;
  finding.cause = Cause::ContainerPaused;
  finding.confidence = 0.99;
  finding.wait = true;
  finding.summary = fmt::format("Container {} is paused.", hosting->container.name);
  finding.evidence.push_back(evidence(the_case, "engine", "its state is paused"));
  add_engine_words(the_case, finding);
  return {finding};
}

}  // namespace pgkeel::diagnose
