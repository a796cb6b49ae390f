// The server is alive and answers nobody. Certain when its main process is stopped (state T) and a
// login timed out: two agreeing signals, and SIGCONT is harmless. Otherwise only named: slow is not
// dead, so nothing is done before hung_after without a login, CPU or I/O in any of its processes.
#include "diagnose/case.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeel::diagnose {
namespace {

std::vector<Finding> stopped(const Case& the_case) {
  const auto& process = the_case.seen.process;
  const auto& login = the_case.seen.login;
  const bool login_agrees =
      login.result == sense::ProbeResult::TimedOut && login.at >= process.stopped_since;
  if (!process.stopped_since || !login_agrees) return {};
  Finding finding;
  finding.cause = Cause::ServerHung;
  finding.confidence = 0.99;
  finding.since = process.stopped_since;
  finding.summary = "The server's main process is stopped (SIGSTOP) and answers no login.";
  finding.evidence.push_back(evidence(
      the_case, "process", fmt::format("process {} is in state T (stopped)", process.pid)));
  finding.evidence.push_back(
      evidence(the_case, "login", fmt::format("no answer within {}", humane_duration(login.took))));
  return {finding};
}

std::vector<Finding> silent(const Case& the_case) {
  const auto& process = the_case.seen.process;
  const auto& login = the_case.seen.login;
  if (login.result != sense::ProbeResult::TimedOut || login.failures < the_case.known.confirm)
    return {};
  const auto quiet_since = std::max(process.progress_at, login.last_ok_at);
  Finding finding;
  finding.cause = Cause::ServerHung;
  finding.confidence = 0.8;
  if (login.ever_ok) finding.since = login.last_ok_at;
  finding.wait = the_case.now - quiet_since < the_case.known.hung_after;
  finding.summary = "The server accepts connections but answers no login.";
  finding.evidence.push_back(evidence(the_case, "login",
                                      fmt::format("{} logins in a row got no answer within {}",
                                                  login.failures, humane_duration(login.took))));
  finding.evidence.push_back(evidence(the_case, "process",
                                      fmt::format("its processes last used CPU or I/O {} ago",
                                                  ago(the_case, process.progress_at))));
  return {finding};
}

}  // namespace

std::vector<Finding> server_hung(const Case& the_case) {
  switch (the_case.seen.process.state) {
    case sense::ProcessState::Stopped: return stopped(the_case);
    case sense::ProcessState::Running: return silent(the_case);
    default: return {};
  }
}

}  // namespace pgkeel::diagnose
