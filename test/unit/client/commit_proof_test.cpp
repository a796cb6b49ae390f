// Which servers may testify about a lost COMMIT: the pure half of the proof.
#include "client/commit_proof.hpp"

#include <gtest/gtest.h>

namespace pgkeel::client {
namespace {

CommitProof proof() {
  return {.xid = Xid(1000),
          .server = {.system_id = SystemId(7), .timeline = TimelineId(3), .crash_epoch = "100.5"},
          .backend_pid = 42};
}

ServerFacts same_server() {
  return {.identity = proof().server,
          .in_recovery = false,
          .checkpoint = Lsn(0x2000),
          .redo = Lsn(0x1000),
          .next_xid = Xid(900)};
}

TEST(JudgeProofTest, TheSameServerIsAsked) {
  // Goal: X7 - without a crash in between, pg_xact_status is trusted whatever the checkpoint says.
  EXPECT_EQ(judge_proof(proof(), same_server()), ProofStep::AskStatus);
}

TEST(JudgeProofTest, AnotherClusterOrTimelineProvesNothing) {
  // Goal: X7 - a promoted standby gives the same ids to other transactions and is not believed.
  ServerFacts other = same_server();
  other.identity.system_id = SystemId(8);
  EXPECT_EQ(judge_proof(proof(), other), ProofStep::Unprovable);
  ServerFacts promoted = same_server();
  promoted.identity.timeline = TimelineId(4);
  EXPECT_EQ(judge_proof(proof(), promoted), ProofStep::Unprovable);
}

TEST(JudgeProofTest, AStandbyIsNotAsked) {
  // Goal: X7 - a standby may lag behind; another host has to answer.
  ServerFacts standby = same_server();
  standby.in_recovery = true;
  standby.identity.timeline = TimelineId(0);
  EXPECT_EQ(judge_proof(proof(), standby), ProofStep::WrongNode);
}

TEST(JudgeProofTest, AfterACrashTheRecoveryCheckpointDecides) {
  // Goal: X7 - an id that the crash gave away again is recognised: its WAL was lost with the work.
  ServerFacts crashed = same_server();
  crashed.identity.crash_epoch = "200.5";
  crashed.redo = crashed.checkpoint;
  crashed.next_xid = Xid(1001);
  EXPECT_EQ(judge_proof(proof(), crashed), ProofStep::AskStatus);
  crashed.next_xid = Xid(1000);
  EXPECT_EQ(judge_proof(proof(), crashed), ProofStep::NotApplied);
}

TEST(JudgeProofTest, ACrashTooLongAgoProvesNothing) {
  // Goal: X7 - once a later checkpoint has replaced that of the recovery, nothing is claimed.
  ServerFacts later = same_server();
  later.identity.crash_epoch = "200.5";
  EXPECT_EQ(judge_proof(proof(), later), ProofStep::Unprovable);
  later.identity.crash_epoch.clear();
  EXPECT_EQ(judge_proof(proof(), later), ProofStep::Unprovable);
}

}  // namespace
}  // namespace pgkeel::client
