// The server runs and answers, but a fresh login over the clients' path does not succeed: a changed
// password or pg_hba.conf, a socket that vanished. The guard names what the server says and changes
// neither passwords nor access rules. Connections that are used up are a cause of their own.
#include "diagnose/case.hpp"

#include <fmt/format.h>

#include "pg/sqlstate.hpp"

namespace pgkeel::diagnose {

std::vector<Finding> login_failing(const Case& the_case) {
  const auto& login = the_case.seen.login;
  const bool failing =
      login.result == sense::ProbeResult::Rejected || login.result == sense::ProbeResult::Refused;
  if (the_case.seen.process.state != sense::ProcessState::Running || !failing ||
      login.failures < the_case.known.confirm || login.sqlstate == "57P03" ||
      login.sqlstate == pg::sqlstate::kTooManyConnections) {
    return {};
  }
  Finding finding;
  finding.cause = Cause::LoginFailing;
  finding.confidence = 0.8;
  finding.wait = true;
  finding.summary = fmt::format("The server runs, but a login fails: {}", login.note);
  finding.evidence.push_back(
      evidence(the_case, "login",
               fmt::format("{} failures in a row, SQLSTATE {}: {}", login.failures,
                           login.sqlstate.empty() ? "none" : login.sqlstate.c_str(), login.note)));
  if (login.ever_ok) finding.since = login.last_ok_at;
  return {finding};
}

}  // namespace pgkeel::diagnose
