// The server's own parser refuses its configuration, or a configuration file it ran with is gone.
// Asked only while the server is down and a file differs from the last good copy.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {

std::vector<Finding> config_broken(const Case& the_case) {
  if (!server_absent(the_case) || !data_is_ours(the_case)) return {};
  if (!stopped_by_operator(the_case).empty()) return {};
  const auto& files = the_case.seen.files;
  if (!files.config_error) return {};

  Finding finding;
  finding.cause = Cause::ConfigBroken;
  finding.confidence = 0.98;
  finding.since = the_case.seen.process.died_at;
  finding.summary = fmt::format("The server refuses its configuration: {}", *files.config_error);
  finding.evidence.push_back(evidence(the_case, "config", *files.config_error));
  for (const auto& path : files.config_changed)
    finding.evidence.push_back(
        evidence(the_case, "config",
                 fmt::format("{} differs from the copy the server last ran with", path)));
  return {finding};
}

}  // namespace pgkeel::diagnose
