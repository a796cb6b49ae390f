// The engine knows no container of the configured name, but another one has the known data: the
// container, or the Compose project it comes from, was renamed. The guard starts nothing beside it;
// it asks for the new name in its configuration. While that server runs it is only a warning, and
// only after a while, because an engine that re-creates a container renames it for a moment.
#include "diagnose/case.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

constexpr Seconds kRecreationTakes{5};

bool has_known_data(const Case& the_case, const instance::OtherContainer& other) {
  const auto& identity = the_case.known.identity;
  if (!identity) return false;
  return other.system_id ? *other.system_id == identity->system_id
                         : other.data_dir == identity->data_dir;
}

// The one that runs; else the first.
const instance::OtherContainer* successor(const Case& the_case) {
  const instance::OtherContainer* found = nullptr;
  for (const auto& other : hosting_of(the_case)->others) {
    if (!has_known_data(the_case, other)) continue;
    if (found == nullptr || (other.running && !found->running)) found = &other;
  }
  return found;
}

bool serves(const Case& the_case) {
  return the_case.seen.process.state == sense::ProcessState::Running;
}

bool settled(const Case& the_case) {
  if (server_absent(the_case)) return true;
  const auto& since = the_case.seen.hosting.missing_since;
  return serves(the_case) && since && the_case.now - *since >= kRecreationTakes;
}

}  // namespace

std::vector<Finding> container_renamed(const Case& the_case) {
  const auto* hosting = hosting_of(the_case);
  if (hosting == nullptr || hosting->exists || !settled(the_case)) return {};
  const auto* other = successor(the_case);
  if (other == nullptr) return {};

  Finding finding;
  finding.cause = Cause::ContainerRenamed;
  finding.confidence = 0.97;
  finding.wait = true;
  if (serves(the_case) || stopped_cleanly(the_case)) finding.severity = incident::Severity::Warning;
  finding.since = the_case.seen.process.died_at;
  finding.summary =
      fmt::format("There is no container {} any more; container {} has the known data.",
                  hosting->name, other->name);
  finding.hint = fmt::format("set instance.container = \"{}\" in pgkeel.toml and restart the guard",
                             other->name);
  for (const auto& one : hosting->others)
    if (has_known_data(the_case, one))
      finding.evidence.push_back(evidence(
          the_case, "engine",
          fmt::format("container {} ({}) has {}{}", one.name, one.running ? "running" : "stopped",
                      one.data_dir.string(),
                      one.system_id ? ", system identifier " + to_string(*one.system_id) : "")));
  add_engine_words(the_case, finding);
  return {finding};
}

}  // namespace pgkeel::diagnose
