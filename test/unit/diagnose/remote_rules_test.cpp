// Rules about a server of which only logins are seen, and about the limits of its plan.
#include <gmock/gmock.h>

#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::diagnose {
namespace {

using namespace pgkeel::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

constexpr std::int64_t kGigabyte = 1'000'000'000;

// A healthy server elsewhere: no process, no files.
Instance remote() {
  Instance instance = healthy();
  instance.seen.process = {};
  instance.seen.files = {};
  instance.seen.reach = {};
  instance.seen.probes_writes = false;
  instance.seen.write = {};
  instance.seen.login.system_id = kOurs;
  return instance;
}

Instance away(sense::ProbeResult result, std::string sqlstate, std::string note) {
  Instance instance = remote();
  instance.seen.login.result = result;
  instance.seen.login.sqlstate = std::move(sqlstate);
  instance.seen.login.note = std::move(note);
  instance.seen.login.failures = 2;
  return instance;
}

std::string reading(const Instance& instance) {
  const auto findings = instance.findings();
  if (findings.size() != 1 || findings.front().cause != Cause::ServerUnreachable) return "none";
  const auto& text = findings.front().evidence.front().text;
  return text.substr(0, text.find(':'));
}

TEST(RemoteServer, IsHealthyWithALoginAlone) {
  // Goal: nothing of a server elsewhere is missed that cannot be seen (A8).
  EXPECT_TRUE(remote().seen.healthy());
  EXPECT_THAT(remote().findings(), IsEmpty());
  auto never_logged_in = remote();
  never_logged_in.seen.login = {};
  EXPECT_FALSE(never_logged_in.seen.healthy());
  EXPECT_THAT(never_logged_in.findings(), IsEmpty());
}

TEST(RemoteServer, UnreachableIsNamedByWhatTheLoginMet) {
  // Goal: every way a login fails has its own words in the evidence; a server that says it is full
  // was reached (D2).
  using enum sense::ProbeResult;
  EXPECT_EQ(reading(away(Refused, "", "connection to server failed: Connection refused")),
            "refused");
  EXPECT_EQ(reading(away(TimedOut, "", "no login within the time given")), "timed out");
  EXPECT_EQ(reading(away(Refused, "", "could not translate host name \"db\": unknown")),
            "name not found");
  EXPECT_EQ(reading(away(TimedOut, "", "the name db was not resolved in time")), "name not found");
  EXPECT_EQ(reading(away(Refused, "", "SSL error: certificate verify failed")), "TLS");
  EXPECT_EQ(reading(away(Refused, "", "server does not support SSL, but SSL was required")), "TLS");
  EXPECT_EQ(reading(away(Rejected, "28P01", "password authentication failed")), "authentication");
  EXPECT_EQ(reading(away(Refused, "", "fe_sendauth: no password supplied")), "authentication");
  EXPECT_EQ(reading(away(Rejected, "53300", "sorry, too many clients already")), "none");
  EXPECT_EQ(reading(away(Rejected, "3D000", "database \"shop\" does not exist")),
            "no such database");
  EXPECT_EQ(reading(away(Rejected, "57P03", "the database system is starting up")),
            "starting or stopping");
  EXPECT_EQ(reading(away(Rejected, "XX000", "tenant or user not found")), "rejected");
  EXPECT_EQ(reading(away(Refused, "", "No route to host")), "network");
  EXPECT_EQ(reading(away(Refused, "", "server closed the connection unexpectedly")), "broken");
}

TEST(RemoteServer, OneFailedLoginIsNoFinding) {
  // Goal: two agreeing results before anything is said.
  auto instance = away(sense::ProbeResult::Refused, "", "Connection refused");
  instance.seen.login.failures = 1;
  EXPECT_THAT(instance.findings(), IsEmpty());
}

TEST(RemoteServer, UnreachableIsNotSaidOfAServerHere) {
  // Goal: where the process is seen, the causes that know more are named.
  EXPECT_FALSE(has(killed(), Cause::ServerUnreachable));
  EXPECT_FALSE(has(silent_for(Seconds(90)), Cause::ServerUnreachable));
  EXPECT_FALSE(has(suspended(), Cause::ServerUnreachable));
}

TEST(RemoteServer, AnotherClusterBehindTheAddressIsNamed) {
  // Goal: a server that says another system identifier is fenced, and its catalog proves no loss.
  auto instance = remote();
  instance.seen.login.system_id = kStranger;
  tables(instance).clear();
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::WrongIdentity));
  instance.seen.login.system_id = {};  // it does not tell: counts as the one that is known
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::TableDropped));
}

TEST(RemoteServer, ALostTableIsNamed) {
  // Goal: the ledger works without files (D1).
  auto instance = remote();
  tables(instance).clear();
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::TableDropped));
}

TEST(Limits, AreNamedFromTheShareOnAndCriticalWhenUsedUp) {
  // Goal: a warning at warn_at, critical at the limit, nothing below (D13).
  auto instance = healthy();
  instance.known.limits.storage_bytes = 10 * kGigabyte;
  auto& size = instance.seen.catalog.databases.at(1).size_bytes;
  size = 7 * kGigabyte;
  EXPECT_THAT(instance.findings(), IsEmpty());
  size = 8 * kGigabyte;
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::LimitNear));
  EXPECT_EQ(instance.findings().front().subject, "limits.storage");
  EXPECT_THAT(instance.findings().front().summary, HasSubstr("(80 %)"));
  EXPECT_EQ(cause_info(Cause::LimitNear).severity, incident::Severity::Warning);
  size = 10 * kGigabyte;
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::LimitReached));
  EXPECT_EQ(cause_info(Cause::LimitReached).severity, incident::Severity::Critical);
  EXPECT_GT(cause_info(Cause::LimitReached).rank, cause_info(Cause::LimitNear).rank);
}

TEST(Limits, OfConnectionsCountWhatIsUsed) {
  // Goal: the plan's number counts, not max_connections.
  auto instance = healthy();
  instance.known.limits.connections = 20;
  instance.seen.login.connections_used = 17;
  instance.seen.login.connections_max = 1000;
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::LimitNear));
  EXPECT_THAT(instance.findings().front().summary, StartsWith("17 of 20 connections are used"));
}

TEST(Limits, ASwingingValueIsOneIncident) {
  // Goal: once open, a limit is held a little below its threshold.
  auto instance = healthy();
  instance.known.limits.connections = 100;
  instance.seen.login.connections_used = 78;
  EXPECT_THAT(instance.findings(), IsEmpty());
  instance.known.open_subjects = {"limits.connections"};
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::LimitNear));
  instance.seen.login.connections_used = 70;
  EXPECT_THAT(instance.findings(), IsEmpty());
}

}  // namespace
}  // namespace pgkeel::diagnose
