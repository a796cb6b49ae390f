#include "serve/verdict.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "unit/serve/fakes.hpp"

namespace pgkeel::serve {
namespace {

Probe& named(Status& status, std::string_view name) {
  return *std::ranges::find(status.probes, name, &Probe::name);
}

TEST(Verdict, AHealthyPrimaryPasses) {
  // A8: with everything in order there is nothing to say.
  const auto verdict = judge(healthy_status(), kNow);
  EXPECT_TRUE(verdict.serving);
  EXPECT_TRUE(verdict.writable);
  EXPECT_EQ(verdict.grade, Grade::Pass);
  EXPECT_EQ(verdict.reason, "");
}

TEST(Verdict, AStaleLoginReadsAsFailingWithItsAge) {
  // A2 A8: a guard that stopped looking must not go on saying "up".
  auto status = healthy_status();
  named(status, "login") = probe_at("login", Millis(31'000));
  const auto verdict = judge(status, kNow);
  EXPECT_FALSE(verdict.serving);
  EXPECT_EQ(verdict.grade, Grade::Fail);
  EXPECT_EQ(verdict.reason, "login: stale, last checked 31.0 s ago");
}

TEST(Verdict, StalenessHasAnExactEdgeAndMayBeSwitchedOff) {
  // A result is good up to and including stale_after; an event-fed probe never ages.
  auto status = healthy_status();
  auto probe = probe_at("login", kProbeStaleAfter);
  EXPECT_FALSE(read_probe(probe, status, kNow).stale);
  EXPECT_TRUE(read_probe(probe, status, kNow + Millis(1)).stale);
  probe.stale_after = kNeverStale;
  EXPECT_FALSE(read_probe(probe, status, kNow + std::chrono::hours(10'000)).stale);
}

TEST(Verdict, AProbeFromTheFutureHasAgeZero) {
  // Two clock reads may cross; an age is never negative.
  EXPECT_EQ(read_probe(probe_at("login", Millis(-5)), healthy_status(), kNow).age, Millis(0));
}

TEST(Verdict, ALoginBeforeTheServersStartDoesNotCount) {
  // D3: after a crash and restart the last login of the old server proves nothing about the new.
  auto status = healthy_status();
  status.instance.running_since = kNow - Millis(100);
  const auto verdict = judge(status, kNow);
  EXPECT_FALSE(verdict.serving);
  EXPECT_NE(verdict.reason.find("before the server started"), std::string::npos);
}

TEST(Verdict, ADeadProcessOutweighsAFreshLogin) {
  // A3: death is an event; the last login is up to five seconds old by then.
  auto status = healthy_status();
  named(status, "process") = probe_at("process", Millis(5), false, "the postmaster is gone");
  const auto verdict = judge(status, kNow);
  EXPECT_FALSE(verdict.serving);
  EXPECT_EQ(verdict.reason, "process: the postmaster is gone");
}

TEST(Verdict, WhatWasNeverProbedDoesNotServe) {
  // A guard that has just started knows nothing yet and says so.
  auto status = healthy_status();
  status.state = ServiceState::Starting;
  status.probes.clear();
  EXPECT_EQ(judge(status, kNow).reason, "no login has been tried yet");
  EXPECT_FALSE(judge(status, kNow).serving);
}

TEST(Verdict, ARemoteServerNeedsNoProcessProbe) {
  // A remote instance has no process the guard could see; a login decides alone.
  auto status = healthy_status();
  status.probes = {probe_at("login", Millis(10))};
  EXPECT_EQ(judge(status, kNow).grade, Grade::Pass);
}

struct StateCase {
  ServiceState state;
  bool serving;
  Grade grade;
};

class VerdictOfState : public testing::TestWithParam<StateCase> {};

TEST_P(VerdictOfState, WithAFreshLogin) {
  // E8: a login that works is served through every state but those that forbid use; only Up is
  // "pass".
  auto status = healthy_status();
  status.state = GetParam().state;
  const auto verdict = judge(status, kNow);
  EXPECT_EQ(verdict.serving, GetParam().serving);
  EXPECT_EQ(verdict.grade, GetParam().grade);
  EXPECT_EQ(verdict.reason.empty(), verdict.grade == Grade::Pass);
}

TEST_P(VerdictOfState, WithAFailedLogin) {
  // Whatever the guard believes, nobody can log in: the database cannot serve.
  auto status = healthy_status();
  status.state = GetParam().state;
  named(status, "login") = probe_at("login", Millis(10), false, "connection refused");
  EXPECT_FALSE(judge(status, kNow).serving);
  EXPECT_EQ(judge(status, kNow).grade, Grade::Fail);
}

INSTANTIATE_TEST_SUITE_P(AllStates, VerdictOfState,
                         testing::Values(StateCase{ServiceState::Starting, true, Grade::Warn},
                                         StateCase{ServiceState::Up, true, Grade::Pass},
                                         StateCase{ServiceState::Degraded, true, Grade::Warn},
                                         StateCase{ServiceState::Down, false, Grade::Fail},
                                         StateCase{ServiceState::Recovering, true, Grade::Warn},
                                         StateCase{ServiceState::Paused, true, Grade::Warn},
                                         StateCase{ServiceState::IntendedStop, false, Grade::Fail},
                                         StateCase{ServiceState::WaitingForHuman, true,
                                                   Grade::Warn}),
                         [](const auto& test) { return std::string(to_string(test.param.state)); });

TEST(Verdict, WritableNeedsAPrimaryAndAWriteThatWentThrough) {
  // A full disk refuses writes while reads go on; a standby never writes; an unknown role is none.
  auto status = healthy_status();
  named(status, "write") = probe_at("write", Millis(10), false, "no space left on device");
  EXPECT_TRUE(judge(status, kNow).serving);
  EXPECT_FALSE(judge(status, kNow).writable);
  EXPECT_EQ(judge(status, kNow).grade, Grade::Warn);
  EXPECT_EQ(judge(status, kNow).reason, "write: no space left on device");

  for (const auto role : {Role::Standby, Role::Unknown}) {
    auto other = healthy_status();
    other.instance.role = role;
    EXPECT_FALSE(judge(other, kNow).writable);
    EXPECT_TRUE(judge(other, kNow).serving);
  }
}

TEST(Verdict, NamesTheFirstWorry) {
  // C1 A4: what is missing, unprotected or open turns "pass" into "warn" and is named.
  auto missing = healthy_status();
  missing.databases.push_back(
      {.name = "soul_bot", .oid = Oid(), .size_bytes = {}, .connections = {}, .missing = true});
  EXPECT_EQ(judge(missing, kNow).reason, "database soul_bot is missing");

  auto dropped = healthy_status();
  dropped.missing_relations = {"shop.public.orders"};
  EXPECT_EQ(judge(dropped, kNow).reason, "relation shop.public.orders is missing");

  auto unprotected = healthy_status();
  unprotected.archive =
      Protection{.ok = false, .note = "last WAL archived 10 min ago", .lag_bytes = {}, .lag = {}};
  EXPECT_EQ(judge(unprotected, kNow).reason, "archive: last WAL archived 10 min ago");

  auto open = healthy_status();
  open.open_incidents = {sample_incident()};
  EXPECT_EQ(judge(open, kNow).reason, "incident 2026-11-21-003 is open");
  EXPECT_EQ(judge(open, kNow).grade, Grade::Warn);
}

}  // namespace
}  // namespace pgkeel::serve
