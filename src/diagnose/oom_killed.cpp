// The kernel ended the container's first process because its memory limit was reached. It is begun
// again like any killed server, within the budget: a limit that is too small kills it again.
// Excluded by a requested stop and by data that is not ours.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {

std::vector<Finding> oom_killed(const Case& the_case) {
  const auto* hosting = hosting_of(the_case);
  if (hosting == nullptr || !hosting->container.oom_killed) return {};
  if (server_killed(the_case).empty()) return {};
  const auto& container = hosting->container;

  Finding finding;
  finding.cause = Cause::OomKilled;
  finding.confidence = 0.97;
  finding.since = the_case.seen.process.died_at;
  finding.summary = fmt::format(
      "The kernel killed the server for want of memory: container {} has a limit of {} MB.",
      container.name, container.memory_limit >> 20U);
  finding.evidence.push_back(
      evidence(the_case, "engine",
               fmt::format("OOMKilled, exit code {}, {} restarts by the engine so far",
                           container.exit_code, container.restart_count)));
  return {finding};
}

}  // namespace pgkeel::diagnose
