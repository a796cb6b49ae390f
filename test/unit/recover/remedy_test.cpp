// The table of remedies against the causes and the playbooks, and what policy makes of a remedy.
#include "recover/remedy.hpp"

#include <gmock/gmock.h>

#include <set>

#include "recover/playbook.hpp"
#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::recover {
namespace {

using diagnose::Cause;

diagnose::Finding of(Cause cause) {
  diagnose::Finding finding;
  finding.cause = cause;
  return finding;
}

TEST(RemedyTable, HasExactlyOneRowForEveryCause) {
  // Goal: no cause is forgotten, none is answered twice.
  std::multiset<Cause> causes;
  for (const auto& remedy : remedy_table()) causes.insert(remedy.cause);
  for (const auto& row : diagnose::cause_table())
    EXPECT_EQ(causes.count(row.cause), 1U) << row.name;
  EXPECT_EQ(causes.size(), diagnose::cause_table().size());
}

TEST(RemedyTable, NamesPlaybooksThatExist) {
  // Goal: what is automatic or guarded can be run; what is a human's says what it waits for.
  std::set<std::string_view> names;
  for (const auto* playbook : all_playbooks()) names.insert(playbook->name);
  for (const auto& remedy : remedy_table()) {
    const bool human = remedy.grade == Grade::Human;
    EXPECT_EQ(human, remedy.playbook.empty());
    EXPECT_TRUE(human || names.contains(remedy.playbook)) << remedy.playbook;
    EXPECT_TRUE(!human || !remedy.waits_for.empty());
  }
}

TEST(Playbooks, HaveUniqueNamesAndUniqueSteps) {
  // Goal: the journal's playbook and step names say exactly one thing.
  std::set<std::string_view> names;
  for (const auto* playbook : all_playbooks()) {
    EXPECT_TRUE(names.insert(playbook->name).second);
    EXPECT_EQ(&playbook_by_name(playbook->name), playbook);
    EXPECT_FALSE(playbook->purpose.empty());
    EXPECT_FALSE(playbook->steps.empty());
    std::set<std::string_view> steps;
    for (const auto& step : playbook->steps) {
      EXPECT_TRUE(steps.insert(step.name).second) << playbook->name << " " << step.name;
      EXPECT_NE(step.describe, nullptr);
      EXPECT_NE(step.run, nullptr);
    }
  }
}

TEST(RemedyFor, AFullDiskHoldsNoFirstStartBack) {
  // Goal: K6 K7: a server that may have died of something else is started once; a start that failed
  // on the full disk is not repeated.
  sense::Observation seen;
  seen.process.state = sense::ProcessState::Absent;
  for (const auto cause : {Cause::DiskFull, Cause::WalDiskFull}) {
    seen.start.failed = false;
    EXPECT_EQ(remedy_for(of(cause), seen, {}).playbook, "restart_server");
    EXPECT_TRUE(remedy_for(of(cause), seen, {}).starts_server);
    seen.start.failed = true;
    EXPECT_TRUE(remedy_for(of(cause), seen, {}).playbook.empty());
    auto full = test::healthy().seen;
    EXPECT_TRUE(remedy_for(of(cause), full, {}).playbook.empty());  // a quota
    auto& space = full.host.spaces.emplace_back();
    space.room.bytes_total = 1ULL << 40U;
    space.room.bytes_free = 1U << 20U;
    EXPECT_EQ(remedy_for(of(cause), full, {}).playbook, "make_room");
  }
}

TEST(RemedyFor, AWaitingFindingHasNoPlaybook) {
  // Goal: whatever the cause, a finding that may not be acted on yet is not acted on.
  for (const auto& row : remedy_table()) {
    auto finding = of(row.cause);
    finding.wait = true;
    const auto remedy = remedy_for(finding, {}, {});
    EXPECT_EQ(remedy.grade, Grade::Human);
    EXPECT_TRUE(remedy.playbook.empty());
  }
}

TEST(RemedyFor, ASuspendedServerIsContinuedAndASilentOneReplaced) {
  // Goal: SIGCONT is tried where it is enough, and costs nothing of the restart budget.
  const auto suspended = remedy_for(of(Cause::ServerHung), test::suspended().seen, {});
  EXPECT_EQ(suspended.playbook, "resume_server");
  EXPECT_FALSE(suspended.starts_server);
  const auto silent = remedy_for(of(Cause::ServerHung), test::silent_for(Seconds(90)).seen, {});
  EXPECT_EQ(silent.playbook, "replace_hung_server");
  EXPECT_TRUE(silent.starts_server);
}

TEST(RemedyFor, AFreshClusterIsLeftWhereThePolicySaysSo) {
  // Goal: fresh_cluster = "advise" names it and touches nothing.
  Policy policy;
  EXPECT_EQ(remedy_for(of(Cause::FreshCluster), {}, policy).playbook, "replace_fresh_cluster");
  policy.replace_fresh_cluster = false;
  EXPECT_TRUE(remedy_for(of(Cause::FreshCluster), {}, policy).playbook.empty());
}

sense::Observation with_group(std::string state, Seconds longest) {
  sense::Observation seen;
  seen.activity.seen = true;
  seen.activity.groups = {{"guard", "pgkeel watch", "postgres", "idle", 1, Seconds(9000)},
                          {"shop", "web", "shop", std::move(state), 14, longest}};
  return seen;
}

TEST(RemedyFor, IdleSessionsAreEndedOnlyBeyondThePolicy) {
  // Goal: K26: while clients are refused, who does nothing for longer than the policy allows may be
  // ended; nobody else, never the guard's own, and nobody where the policy says never.
  const auto playbook = [](const sense::Observation& seen, const Policy& policy) {
    return remedy_for(of(Cause::ConnectionStorm), seen, policy).playbook;
  };
  EXPECT_EQ(playbook(with_group("idle", Seconds(301)), {}), "end_idle_sessions");
  EXPECT_EQ(playbook(with_group("idle", Seconds(300)), {}), "");
  EXPECT_EQ(playbook(with_group("active", Seconds(9000)), {}), "");
  EXPECT_EQ(playbook(with_group("idle in transaction", Seconds(900)), {}), "");
  EXPECT_EQ(playbook(with_group("idle in transaction", Seconds(901)), {}), "end_idle_sessions");
  EXPECT_EQ(playbook({}, {}), "");
  Policy never;
  never.end_sessions = {Seconds(0), Seconds(0)};
  EXPECT_EQ(playbook(with_group("idle", Seconds(9000)), never), "");
  EXPECT_EQ(playbook(with_group("idle in transaction (aborted)", Seconds(9000)), never), "");
}

TEST(RemedyFor, AnIdleTransactionIsEndedOnlyWhileOthersPayForIt) {
  // Goal: K28 K31: longer than the policy, and somebody waits or dead rows are kept; a session that
  // works is never ended.
  sense::Observation seen;
  seen.activity.seen = true;
  auto& open = seen.activity.transactions.emplace_back();
  open.state = "idle in transaction";
  open.in_state_for = Seconds(901);
  const auto playbook = [&] { return remedy_for(of(Cause::IdleInTransaction), seen, {}).playbook; };
  EXPECT_EQ(playbook(), "");
  open.blocks = 1;
  EXPECT_EQ(playbook(), "end_idle_transaction");
  open.state = "active";
  EXPECT_EQ(playbook(), "");
  open = {};
  open.state = "idle in transaction (aborted)";
  open.xmin_age = 1'000'001;
  open.in_state_for = Seconds(900);
  EXPECT_EQ(playbook(), "");
  open.in_state_for = Seconds(901);
  EXPECT_EQ(playbook(), "end_idle_transaction");
}

TEST(RemedyFor, WhatWasDroppedIsMadeEmptyOnlyWhereThePolicySaysSo) {
  // Goal: nothing empty takes the place of lost rows unasked.
  for (const auto missing : {MissingPolicy::Restore, MissingPolicy::Advise}) {
    Policy policy;
    policy.missing_table = policy.missing_database = missing;
    EXPECT_TRUE(remedy_for(of(Cause::TableDropped), {}, policy).playbook.empty());
    EXPECT_TRUE(remedy_for(of(Cause::DatabaseDropped), {}, policy).playbook.empty());
  }
  Policy tables;
  tables.missing_table = MissingPolicy::RecreateEmpty;
  EXPECT_EQ(remedy_for(of(Cause::TableDropped), {}, tables).playbook, "recreate_table");
  EXPECT_TRUE(remedy_for(of(Cause::DatabaseDropped), {}, tables).playbook.empty());
  Policy databases;
  databases.missing_database = MissingPolicy::RecreateEmpty;
  EXPECT_EQ(remedy_for(of(Cause::DatabaseDropped), {}, databases).playbook, "recreate_database");
  EXPECT_TRUE(remedy_for(of(Cause::TableDropped), {}, databases).playbook.empty());
}

TEST(RemedyFor, WhatWasDroppedComesFromTheArchiveWhereThereIsOne) {
  // Goal: A1: the default policy restores with an archive what is wanted back, never makes anything
  // empty instead, and leaves what nobody asks for; `ask` leaves everything.
  Policy policy;
  policy.archive = true;
  const auto playbook = [&policy](Cause cause, const char* wanted) {
    auto finding = of(cause);
    finding.wanted = wanted;
    return remedy_for(finding, {}, policy).playbook;
  };
  EXPECT_EQ(playbook(Cause::TableDropped, "asked for"), "restore_table");
  EXPECT_EQ(playbook(Cause::DatabaseDropped, "asked for"), "restore_database");
  EXPECT_EQ(playbook(Cause::TableDropped, ""), "");
  EXPECT_EQ(playbook(Cause::DatabaseDropped, ""), "");
  policy.undrop = Undrop::Never;
  EXPECT_EQ(playbook(Cause::TableDropped, "asked for"), "");
  EXPECT_EQ(playbook(Cause::DatabaseDropped, "asked for"), "");
  policy.undrop = Undrop::OnDemand;
  policy.missing_table = policy.missing_database = MissingPolicy::Advise;
  EXPECT_EQ(playbook(Cause::TableDropped, "asked for"), "");
  EXPECT_EQ(playbook(Cause::DatabaseDropped, "asked for"), "");
  policy.missing_table = MissingPolicy::RecreateEmpty;
  EXPECT_EQ(remedy_for(of(Cause::TableDropped), {}, policy).playbook, "recreate_table");
}

}  // namespace
}  // namespace pgkeel::recover
