// The server could not start because somebody else listens on its port. Believed only when the
// server itself said so: a listener on another address, or beside a server that uses sockets only,
// is no obstacle. Or the container engine said that it could not publish the port, and left the
// container as it was. The guard names the holder and waits for the port; it ends nobody's process.
#include "diagnose/case.hpp"

#include <fmt/format.h>

namespace pgkeel::diagnose {

namespace {

// The engine's words: it gives the port away itself, and the server was never started.
std::vector<Finding> taken_outside(const Case& the_case) {
  const auto* hosting = hosting_of(the_case);
  if (hosting == nullptr || !hosting->exists || hosting->container.running) return {};
  const auto& error = hosting->container.error;
  if (!error.contains("port is already allocated") && !error.contains("address already in use"))
    return {};
  Finding finding;
  finding.cause = Cause::PortTaken;
  finding.confidence = 0.95;
  finding.wait = true;
  finding.since = the_case.seen.process.died_at;
  finding.summary = fmt::format(
      "The engine did not start container {}: a port it publishes is taken on the host.",
      hosting->name);
  finding.hint =
      "see who has it ('ss -ltnp', 'docker ps'), end that or publish another port, then start the "
      "container";
  finding.evidence.push_back(evidence(the_case, "engine", error));
  return {finding};
}

}  // namespace

std::vector<Finding> port_taken(const Case& the_case) {
  if (!server_absent(the_case) || !data_is_ours(the_case)) return {};
  if (auto outside = taken_outside(the_case); !outside.empty()) return outside;
  if (!stopped_by_operator(the_case).empty()) return {};
  const auto& listener = the_case.seen.files.port_listener;
  const auto* line = logged(the_case, pg::Signature::PortTaken);
  if (line == nullptr) line = logged(the_case, pg::Signature::NoListenSockets);
  if (!listener || line == nullptr) return {};

  const auto holder = listener->pid ? fmt::format("{} (pid {})", listener->command, *listener->pid)
                                    : std::string("a process of another user");
  Finding finding;
  finding.cause = Cause::PortTaken;
  finding.confidence = 0.97;
  finding.wait = true;
  finding.since = the_case.seen.process.died_at;
  finding.summary = fmt::format("{} is taken by {}; the server starts when it is free again.",
                                listener->address, holder);
  finding.evidence.push_back(
      evidence(the_case, "host", fmt::format("{} listens on {}", holder, listener->address)));
  finding.evidence.push_back(evidence(the_case, "server_log", line->text));
  return {finding};
}

}  // namespace pgkeel::diagnose
