// How the house stands after an incident: what is known, what is a gap, what nobody could look at.
#include "app/standing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeel::app {
namespace {

using incident::CheckResult;
using incident::StandingCheck;
using testing::HasSubstr;

const WallTime kNow = *parse_iso8601("2026-11-21T09:00:00Z");

StandingCheck check_of(const std::vector<StandingCheck>& checks, std::string_view name) {
  for (const auto& check : checks)
    if (check.check.find(name) != std::string::npos) return check;
  ADD_FAILURE() << "no check " << name;
  return {};
}

Config guarded() {
  Config config;
  config.archive.store.where = "/archive";
  config.archive.offsite.where = "s3://elsewhere/prod";
  config.alerts.resize(2);
  config.alerts[0].kind = "telegram";
  config.alerts[1].kind = "deadman";
  config.http.token_file = "/etc/pgkeel/token";
  return config;
}

Json status_with(std::string_view backup, std::string_view proof) {
  return {{"archive",
           {{"ok", true}, {"note", "well"}, {"last_backup_at", backup}, {"last_proof_at", proof}}},
          {"alert_channels", Json::array()}};
}

TEST(Standing, AWellKeptHouseHasNoGap) {
  // Goal: everything there and fresh passes, with its age in words (D15).
  const auto checks =
      standing_checks(guarded(), status_with("2026-11-21T06:00:00Z", "2026-11-20T12:00:00Z"), kNow);
  for (const auto& check : checks)
    EXPECT_EQ(check.result, CheckResult::Passed) << check.check << ": " << check.note;
  EXPECT_EQ(check_of(checks, "younger than 24 h").note, "made 3 h 0 min ago");
}

TEST(Standing, WhatIsMissingIsAGapWithATask) {
  // Goal: no archive, no copy elsewhere, nobody to call, no switch, no token: each said and asked
  // for (D15).
  Config bare;
  bare.http.listen = ListenAddress{"127.0.0.1", 8432};
  const auto checks = standing_checks(bare, Json(nullptr), kNow);
  for (const auto* name : {"younger than 24 h", "proven", "archive takes", "off the site",
                           "somebody is called", "dead-man", "token"})
    EXPECT_EQ(check_of(checks, name).result, CheckResult::Gap) << name;
  for (const auto* name :
       {"archive takes", "off the site", "somebody is called", "dead-man", "token"})
    EXPECT_FALSE(check_of(checks, name).task.empty()) << name;
}

TEST(Standing, OldIsAGapAndUnseenIsNotKnown) {
  // Goal: a backup of the day before yesterday is none; without a guard nothing is claimed (D15).
  const auto old =
      standing_checks(guarded(), status_with("2026-11-19T06:00:00Z", "2026-11-01T12:00:00Z"), kNow);
  EXPECT_EQ(check_of(old, "younger than 24 h").result, CheckResult::Gap);
  EXPECT_THAT(check_of(old, "younger than 24 h").task, HasSubstr("pgkeel backup now"));
  EXPECT_EQ(check_of(old, "proven").result, CheckResult::Gap);
  const auto unseen = standing_checks(guarded(), Json(nullptr), kNow);
  EXPECT_EQ(check_of(unseen, "younger than 24 h").result, CheckResult::NotKnown);
  EXPECT_EQ(check_of(unseen, "archive takes").result, CheckResult::NotKnown);
  auto failing = status_with("2026-11-21T06:00:00Z", "2026-11-20T12:00:00Z");
  failing["alert_channels"] = Json::array({{{"name", "telegram"}, {"last_failure", "HTTP 401"}}});
  EXPECT_EQ(check_of(standing_checks(guarded(), failing, kNow), "somebody is called").note,
            "not delivered: telegram");
}

}  // namespace
}  // namespace pgkeel::app
