// No login to a server of which nothing else can be seen. Whether it is down, asleep or cut off
// cannot be told from here; what the last login met can, and is the evidence. Nothing is done about
// it: there is nothing the guard could start. Excluded by a server that says it is full: it
// answers.
#include "diagnose/case.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "pg/sqlstate.hpp"

namespace pgkeel::diagnose {
namespace {

using sense::ProbeResult;

constexpr std::size_t kTextsMax = 4;

// How a failed login reads: by SQLSTATE where the server said one, else by the words of libpq, the
// resolver or the system. The first row that fits counts.
struct Reading {
  std::string_view sqlstate_prefix;
  std::array<std::string_view, kTextsMax> texts;
  std::string_view name;
  std::string_view sentence;
};
constexpr auto kReadings = std::to_array<Reading>({
    {"28", {}, "authentication", "The server does not let the guard's role in"},
    {"3D", {}, "no such database", "The database the guard connects to does not exist"},
    {"57P03", {}, "starting or stopping", "The server is starting or shutting down"},
    {"",
     {"could not translate host name", "was not resolved"},
     "name not found",
     "The server's name is not known to the resolver"},
    {"", {"SSL", "certificate", "TLS"}, "TLS", "No encrypted connection comes about"},
    {"",
     {"password"},
     "authentication",
     "The server wants a password that the guard was not given"},
    {"",
     {"Connection refused", "No such file or directory"},  // of its socket
     "refused",
     "Nobody listens at the server's address"},
    {"", {"unreachable", "No route to host"}, "network", "There is no way to the server's address"},
});
constexpr Reading kSilent{"", {}, "timed out", "The server's address answers nothing"};
constexpr Reading kRefusing{"", {}, "rejected", "The server refuses the login"};
constexpr Reading kBroken{"", {}, "broken", "The connection breaks before the login is done"};

bool fits(const Reading& reading, const sense::LoginFacts& login) {
  if (!login.sqlstate.empty())
    return !reading.sqlstate_prefix.empty() && login.sqlstate.starts_with(reading.sqlstate_prefix);
  return std::ranges::any_of(reading.texts, [&](std::string_view text) {
    return !text.empty() && login.note.contains(text);
  });
}

const Reading& read(const sense::LoginFacts& login) {
  for (const auto& reading : kReadings)
    if (fits(reading, login)) return reading;
  if (!login.sqlstate.empty()) return kRefusing;
  return login.result == ProbeResult::TimedOut ? kSilent : kBroken;
}

}  // namespace

std::vector<Finding> server_unreachable(const Case& the_case) {
  const auto& login = the_case.seen.login;
  const bool failing = login.result == ProbeResult::Refused ||
                       login.result == ProbeResult::TimedOut ||
                       login.result == ProbeResult::Rejected;
  if (login.sqlstate == pg::sqlstate::kTooManyConnections) return {};
  if (!out_of_sight(the_case) || !failing || login.failures < the_case.known.confirm) return {};
  const auto& reading = read(login);
  Finding finding;
  finding.cause = Cause::ServerUnreachable;
  finding.confidence = 0.9;
  finding.wait = true;
  if (login.ever_ok) finding.since = login.last_ok_at;
  finding.summary = fmt::format("{}: {}", reading.sentence, login.note);
  finding.evidence.push_back(evidence(
      the_case, "login",
      fmt::format("{}: {} logins in a row failed, SQLSTATE {}: {}", reading.name, login.failures,
                  login.sqlstate.empty() ? "none" : login.sqlstate.c_str(), login.note)));
  return {finding};
}

}  // namespace pgkeel::diagnose
