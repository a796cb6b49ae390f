// An image's entrypoint found an empty volume and initialised a cluster where a known one was: the
// volume was removed, pruned, or the project renamed. The new cluster is younger than the last
// sight of the known one and of the same major version, so it is no restore and no upgrade. Apps
// that write to it make the loss worse, so it is stopped, kept, and the old one searched for.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

constexpr Seconds kClockSlack{60};
constexpr unsigned kSecondsShift = 32;

// initdb makes the identifier from the time of day; seconds are its upper half.
WallTime made_at(SystemId id) {
  return WallTime{Seconds(static_cast<std::int64_t>(id.value >> kSecondsShift))};
}

}  // namespace

std::vector<Finding> fresh_cluster(const Case& the_case) {
  const auto foreign = wrong_identity(the_case);
  const auto* hosting = hosting_of(the_case);
  if (foreign.empty() || hosting == nullptr || !hosting->exists) return {};
  const auto& data_dir = the_case.seen.files.data_dir;
  const auto& identity = *the_case.known.identity;
  if (!data_dir.control || data_dir.major != identity.major) return {};
  const auto made = made_at(data_dir.control->system_id);
  if (made < identity.seen_at - kClockSlack) return {};

  Finding finding;
  finding.cause = Cause::FreshCluster;
  finding.confidence = 0.97;
  finding.summary =
      fmt::format("A new cluster was initialised at {} over the known one.", to_iso8601(made));
  finding.evidence = foreign.front().evidence;
  if (const auto& container = hosting->container; !container.created_at.empty())
    finding.evidence.push_back(evidence(
        the_case, "engine",
        fmt::format("container {} was created at {}", container.name, container.created_at)));
  return {finding};
}

}  // namespace pgkeel::diagnose
