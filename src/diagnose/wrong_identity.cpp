// A cluster with another system identifier stands where the known one stood. It is never started,
// archived over or written to by the guard. If it already runs, somebody started it: it is left
// alone and a human is asked, because it may be an upgrade or a restore somebody meant.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

// A server elsewhere says itself who it is: the address leads to another cluster now.
std::vector<Finding> another_server(const Case& the_case) {
  if (data_is_ours(the_case) || !the_case.seen.login.ok()) return {};
  const auto& identity = *the_case.known.identity;
  const auto told = to_string(the_case.seen.login.system_id);
  Finding finding;
  finding.cause = Cause::WrongIdentity;
  finding.confidence = 0.99;
  finding.wait = true;
  finding.summary =
      fmt::format("The server that answers is the cluster {}, but this guard knows {}.", told,
                  to_string(identity.system_id));
  finding.evidence.push_back(
      evidence(the_case, "login",
               fmt::format("it says system identifier {}; the ledger has {} (last seen {})", told,
                           to_string(identity.system_id), to_iso8601(identity.seen_at))));
  return {finding};
}

}  // namespace

std::vector<Finding> wrong_identity(const Case& the_case) {
  if (out_of_sight(the_case)) return another_server(the_case);
  const auto& seen = the_case.seen;
  const auto& control = seen.files.data_dir.control;
  const auto& identity = the_case.known.identity;
  if (!seen.files.seen || !control || !identity) return {};
  if (control->system_id == identity->system_id) return {};

  const bool running = seen.process.state == sense::ProcessState::Running ||
                       seen.process.state == sense::ProcessState::Stopped;
  if (!running && !server_absent(the_case)) return {};
  Finding finding;
  finding.cause = Cause::WrongIdentity;
  finding.confidence = 0.99;
  finding.wait = running;
  finding.since = seen.process.died_at;
  finding.summary =
      fmt::format("{} holds the cluster {}, but this guard knows {}.", identity->data_dir,
                  to_string(control->system_id), to_string(identity->system_id));
  finding.evidence.push_back(
      evidence(the_case, "control_file",
               fmt::format("system identifier {}; the ledger has {} (last seen {})",
                           to_string(control->system_id), to_string(identity->system_id),
                           to_iso8601(identity->seen_at))));
  return {finding};
}

}  // namespace pgkeel::diagnose
