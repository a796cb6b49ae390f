// Two servers write to one data directory, which destroys it: a second container was started over
// the volume, where neither sees the other's lock because each has processes of its own.
// Only where the engine shows one other container over the data may it be told which of them came
// second; else nothing is decided for the operator.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {

namespace {

// Two of them, and the engine knows where the other one came from: then it can be told which.
bool is_told_by_engine(const Case& the_case) {
  const auto* hosting = hosting_of(the_case);
  return the_case.seen.files.lock.servers == 2 && hosting != nullptr && hosting->exists &&
         hosting->twins.size() == 1;
}

}  // namespace

std::vector<Finding> two_servers(const Case& the_case) {
  const auto& lock = the_case.seen.files.lock;
  if (lock.servers < 2) return {};
  Finding finding;
  finding.cause = Cause::TwoServers;
  finding.confidence = 0.95;
  finding.wait = !is_told_by_engine(the_case);
  finding.summary = fmt::format(
      "{} servers run over one data directory and destroy it: stop the one started last.",
      lock.servers);
  finding.evidence.push_back(evidence(the_case, "process", lock.detail));
  if (const auto* hosting = hosting_of(the_case))
    for (const auto& twin : hosting->twins)
      finding.evidence.push_back(
          evidence(the_case, "engine", "container " + twin + " has the same data mounted"));
  return {finding};
}

}  // namespace pgkeel::diagnose
