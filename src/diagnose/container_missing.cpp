// The container the server ran in is gone: removed by hand, by `docker compose down`, and
// re-created under no name that is known (see container_renamed). Its data is where it was, unless
// the volume went with it. The remedy is a human's: what a container is made of is written in a
// file the guard does not own.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {

std::vector<Finding> container_missing(const Case& the_case) {
  const auto* hosting = hosting_of(the_case);
  if (hosting == nullptr || hosting->exists) return {};
  if (!server_absent(the_case) && !lost_from_sight(the_case)) return {};
  if (!container_renamed(the_case).empty()) return {};
  const auto& data_dir = the_case.seen.files.data_dir;
  const bool data_there = data_dir.state == instance::DataDirState::Present;

  Finding finding;
  finding.cause = Cause::ContainerMissing;
  finding.confidence = 0.99;
  finding.wait = true;
  if (stopped_cleanly(the_case)) finding.severity = incident::Severity::Warning;
  finding.since = the_case.seen.process.died_at;
  finding.summary = "The server's container is gone; where its data is was never noted.";
  if (the_case.seen.files.seen)
    finding.summary = fmt::format("The server's container is gone; its data directory is {}.",
                                  data_there ? "still there" : instance::to_string(data_dir.state));
  finding.evidence.push_back(
      evidence(the_case, "engine", "the engine knows no container of that name"));
  add_engine_words(the_case, finding);
  return {finding};
}

}  // namespace pgkeel::diagnose
