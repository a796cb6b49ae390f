#include "instance/lock.hpp"

#include <gmock/gmock.h>

namespace pgkeel::instance {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t kStarted = 1'700'000'000;

WallTime at(std::int64_t epoch_s) { return WallTime{std::chrono::seconds(epoch_s)}; }

ServerProcess process(pid_t pid, pid_t parent) {
  return {.pid = pid, .parent = parent, .inner_pid = pid, .start_ticks = 7, .state = 'S'};
}

LockEvidence recorded(pid_t pid) {
  LockEvidence evidence;
  evidence.file_state = LockFile::Read;
  evidence.file.emplace();
  evidence.file->pid = pid;
  evidence.file->started_epoch_s = kStarted;
  return evidence;
}

using Presence = RecordedProcess::Presence;

TEST(JudgeLock, NothingThereIsNone) {
  // Goal: no file and no process means that nothing stands in the way.
  EXPECT_EQ(judge_lock({}).facts.state, LockState::None);
}

TEST(JudgeLock, PidStartTimeAndDirectoryMakeALivePostmaster) {
  // Goal: the three agreeing facts are enough while it has no children yet.
  LockEvidence evidence = recorded(100);
  evidence.scan.processes = {process(100, 1)};
  evidence.recorded = {Presence::Present, "postgres", at(kStarted + 2)};
  const LockJudgement judgement = judge_lock(evidence);
  EXPECT_EQ(judgement.facts.state, LockState::Live);
  ASSERT_TRUE(judgement.postmaster);
  EXPECT_EQ(judgement.postmaster->pid, 100);
}

TEST(JudgeLock, ASteppedClockDoesNotHideAPostmasterWithChildren) {
  // Goal: after a clock step start times differ; children prove the postmaster all the same.
  LockEvidence evidence = recorded(100);
  evidence.scan.processes = {process(100, 1), process(101, 100)};
  evidence.recorded = {Presence::Present, "postgres", at(kStarted + 4000)};
  EXPECT_EQ(judge_lock(evidence).facts.state, LockState::Live);
  evidence.scan.processes.pop_back();
  EXPECT_EQ(judge_lock(evidence).facts.state, LockState::Unclear);
}

TEST(JudgeLock, APostmasterWithoutTheRightFileIsLiveStill) {
  // Goal: a removed or overwritten postmaster.pid does not make its server invisible.
  LockEvidence evidence;
  evidence.scan.processes = {process(100, 1), process(101, 100)};
  EXPECT_EQ(judge_lock(evidence).facts.state, LockState::Live);
  evidence.file_state = LockFile::Garbled;
  EXPECT_EQ(judge_lock(evidence).postmaster->pid, 100);
}

TEST(JudgeLock, ChildrenWithoutAPostmasterAreOrphans) {
  // Goal: survivors of a killed postmaster are listed, whoever adopted them.
  LockEvidence evidence = recorded(100);
  evidence.scan.processes = {process(101, 1), process(105, 1)};
  const LockFacts facts = judge_lock(evidence).facts;
  EXPECT_EQ(facts.state, LockState::Orphans);
  EXPECT_THAT(facts.orphans, ElementsAre(101, 105));
}

TEST(JudgeLock, AServerThatStartsIsNoOrphan) {
  // Goal: a postmaster before its lock file, or postgres --single, is never ended as a remnant.
  LockEvidence evidence;
  evidence.scan.processes = {process(100, 1)};
  for (const auto role : {ServerProcess::Role::Starting, ServerProcess::Role::ByHand}) {
    evidence.scan.processes.front().role = role;
    const LockFacts facts = judge_lock(evidence).facts;
    EXPECT_EQ(facts.state, LockState::Unclear);
    EXPECT_TRUE(facts.settling);
    EXPECT_THAT(facts.orphans, testing::IsEmpty());
  }
}

TEST(JudgeLock, OrphansTellWhoHasTheReusedPid) {
  // Goal: while children still end, a pid that is another program's by now is told already.
  LockEvidence evidence = recorded(100);
  evidence.scan.processes = {process(101, 1)};
  evidence.recorded = {Presence::Present, "nginx in /srv", at(kStarted + 900)};
  LockFacts facts = judge_lock(evidence).facts;
  EXPECT_EQ(facts.state, LockState::Orphans);
  EXPECT_TRUE(facts.pid_reused);
  EXPECT_EQ(facts.pid_owner, "nginx in /srv");
  evidence.recorded = {};
  facts = judge_lock(evidence).facts;
  EXPECT_EQ(facts.state, LockState::Orphans);
  EXPECT_FALSE(facts.pid_reused);
}

TEST(JudgeLock, ADeadPidIsStale) {
  // Goal: the ordinary stale lock needs no help.
  const LockFacts facts = judge_lock(recorded(100)).facts;
  EXPECT_EQ(facts.state, LockState::Stale);
  EXPECT_FALSE(facts.pid_reused);
}

TEST(JudgeLock, AReusedPidIsStaleAndNamed) {
  // Goal: whoever has the pid now, also a zombie, is named, and the server will need to be told.
  LockEvidence evidence = recorded(100);
  evidence.recorded = {Presence::Present, "postgres in /other", at(kStarted)};
  LockFacts facts = judge_lock(evidence).facts;
  EXPECT_EQ(facts.state, LockState::Stale);
  EXPECT_TRUE(facts.pid_reused);
  EXPECT_THAT(facts.detail, HasSubstr("postgres in /other"));
  evidence.recorded = {Presence::Dead, "postgres (zombie)", {}};
  facts = judge_lock(evidence).facts;
  EXPECT_EQ(facts.state, LockState::Stale);
  EXPECT_TRUE(facts.pid_reused);
}

TEST(JudgeLock, WhatIsHiddenIsUnclear) {
  // Goal: without the right to look, nothing is declared stale.
  LockEvidence evidence = recorded(100);
  evidence.recorded.presence = Presence::Hidden;
  EXPECT_EQ(judge_lock(evidence).facts.state, LockState::Unclear);
  evidence.recorded.presence = Presence::Absent;
  evidence.scan.sight = Sight::Hindered;
  EXPECT_EQ(judge_lock(evidence).facts.state, LockState::Unclear);
  LockEvidence forbidden;
  forbidden.file_state = LockFile::Forbidden;
  EXPECT_EQ(judge_lock(forbidden).facts.state, LockState::Unclear);
}

TEST(JudgeLock, AServerInAnotherNamespaceIsUnclear) {
  // Goal: a container's server over the same directory is never taken for orphans.
  LockEvidence evidence = recorded(1);
  ServerProcess contained = process(4711, 4700);
  contained.inner_pid = 1;
  evidence.scan.processes = {contained};
  evidence.recorded = {Presence::Present, "systemd", at(1)};
  const LockFacts facts = judge_lock(evidence).facts;
  EXPECT_EQ(facts.state, LockState::Unclear);
  EXPECT_THAT(facts.detail, HasSubstr("namespace"));
}

TEST(JudgeLock, AnEmptyFileIsStaleOnlyWhenOld) {
  // Goal: a lock that is being written this moment is respected.
  LockEvidence evidence;
  evidence.file_state = LockFile::Fresh;
  EXPECT_EQ(judge_lock(evidence).facts.state, LockState::Unclear);
  EXPECT_TRUE(judge_lock(evidence).facts.settling);
  evidence.file_state = LockFile::Garbled;
  const LockFacts facts = judge_lock(evidence).facts;
  EXPECT_EQ(facts.state, LockState::Stale);
  EXPECT_FALSE(facts.file);
}

}  // namespace
}  // namespace pgkeel::instance
