// The rules about the server's process: killed, stopped, hung, recovering, refusing logins, and
// what keeps it from starting.
#include <gmock/gmock.h>

#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::diagnose {
namespace {

using namespace pgkeel::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(ServerKilled, IsNamedFromDeathControlFileAndLock) {
  // Goal: kill -9 is named with its evidence and the moment of death.
  const auto findings = killed().findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].cause, Cause::ServerKilled);
  EXPECT_EQ(findings[0].since, kNow - Seconds(1));
  EXPECT_FALSE(findings[0].wait);
  EXPECT_THAT(findings[0].evidence, SizeIs(3));
  EXPECT_THAT(findings[0].evidence[1].text, HasSubstr("in production"));
}

TEST(ServerKilled, IsSurerWithALockLeftBehindAndCountsOrphans) {
  // Goal: the lock file raises confidence and surviving children are told.
  Instance instance = killed();
  instance.seen.files.lock.state = instance::LockState::Orphans;
  instance.seen.files.lock.orphans = {101, 102};
  const auto orphaned = server_killed(instance.as_case());
  ASSERT_THAT(orphaned, SizeIs(1));
  EXPECT_THAT(orphaned[0].evidence.back().text, HasSubstr("2 of its processes"));
  instance.seen.files.lock = {};
  const auto bare = server_killed(instance.as_case());
  ASSERT_THAT(bare, SizeIs(1));
  EXPECT_LT(bare[0].confidence, orphaned[0].confidence);
}

TEST(ServerKilled, WaitsForALookAtTheFilesAfterTheDeath) {
  // Goal: files last read before the process was missed prove nothing.
  Instance instance = killed();
  instance.seen.files.at = kNow - Seconds(1);
  EXPECT_THAT(instance.causes(), IsEmpty());
}

TEST(ServerKilled, IsNotSaidOfAServerThatIsJustStarting) {
  // Goal: a server somebody starts while the files are being looked at is not a dead one (D3).
  Instance starting = stopped_cleanly();
  starting.seen.files.lock.state = instance::LockState::Live;
  EXPECT_THAT(starting.causes(), IsEmpty());
  starting.seen.files.lock.state = instance::LockState::Unclear;
  starting.seen.files.lock.settling = true;
  EXPECT_THAT(starting.causes(), IsEmpty());
}

TEST(ServerKilled, IsNeitherAnOperatorsStopNorAStrangersDirectory) {
  // Goal: the documented exclusions: clean stop, requested stop, data that is not ours.
  EXPECT_THAT(server_killed(stopped_cleanly().as_case()), IsEmpty());
  EXPECT_THAT(server_killed(stopped_at_once().as_case()), IsEmpty());
  Instance strange = killed();
  replace_by_stranger(strange);
  EXPECT_THAT(server_killed(strange.as_case()), IsEmpty());
  EXPECT_THAT(server_killed(healthy().as_case()), IsEmpty());
}

TEST(StoppedByOperator, IsNamedForCleanAndForImmediateStops) {
  // Goal: both ways of stopping are the operator's will, and nothing else is said of them.
  EXPECT_THAT(stopped_cleanly().causes(), ElementsAre(Cause::StoppedByOperator));
  EXPECT_THAT(stopped_at_once().causes(), ElementsAre(Cause::StoppedByOperator));
  Instance standby = stopped_cleanly();
  standby.seen.files.data_dir.control->state = pg::ClusterState::ShutDownInRecovery;
  EXPECT_TRUE(has(standby, Cause::StoppedByOperator));
}

TEST(StoppedByOperator, IsNotSaidOfALockLeftBehindOrAStranger) {
  // Goal: nobody stops a server so that its lock stays, and a stranger's stop is not ours.
  Instance locked = stopped_at_once();
  locked.seen.files.lock.state = instance::LockState::Stale;
  EXPECT_THAT(locked.causes(), ElementsAre(Cause::ServerKilled));
  Instance strange = stopped_cleanly();
  replace_by_stranger(strange);
  EXPECT_FALSE(has(strange, Cause::StoppedByOperator));
}

TEST(StoppedByOperator, IsSeenFromTheLockFileWithoutALog) {
  // Goal: a server that said "stopping" before it ended was told to, whatever its log keeps.
  Instance told = stopped_at_once();
  told.seen.server_log.entries.clear();
  EXPECT_THAT(told.causes(), ElementsAre(Cause::ServerKilled));
  told.seen.process.stopping = true;
  EXPECT_THAT(told.causes(), ElementsAre(Cause::StoppedByOperator));
}

TEST(StoppedByOperator, IsObeyedWhenItsPatienceRanOut) {
  // Goal: a service that kills what does not stop in time has stopped it all the same.
  Instance impatient = killed();
  impatient.seen.process.stopping = true;
  EXPECT_THAT(impatient.causes(), ElementsAre(Cause::StoppedByOperator));
}

TEST(StoppedByOperator, IsForgottenWhenAStartFollowedTheRequest) {
  // Goal: a request answered by a later start explains no later death.
  Instance instance = stopped_at_once();
  log(instance, pg::Signature::Starting, "starting PostgreSQL 15.20");
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::ServerKilled));
}

TEST(StoppedByOperator, IsNotSaidOfOurOwnStartThatEndedByItself) {
  // Goal: a server that ended during the guard's start, unasked, was not stopped by anybody.
  Instance instance = stopped_cleanly();
  instance.seen.server_log.entries.clear();
  instance.seen.start = {kNow, true, true, "ended with exit code 1"};
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::ServerStartFailed));
}

TEST(StoppedByOperator, IsObeyedWhenItMeetsOurOwnStart) {
  // Goal: a requested stop during the guard's start is the operator's will, not a failed start.
  for (Instance instance : {stopped_cleanly(), stopped_at_once()}) {
    instance.seen.start = {kNow, true, true, "ended with exit code 0"};
    EXPECT_THAT(instance.causes(), ElementsAre(Cause::StoppedByOperator));
  }
}

TEST(ServerHung, IsCertainWhenSuspendedAndUnanswered) {
  // Goal: state T and a later unanswered login agree; it may be acted on at once.
  const auto findings = suspended().findings();
  ASSERT_THAT(findings, SizeIs(1));
  EXPECT_EQ(findings[0].cause, Cause::ServerHung);
  EXPECT_FALSE(findings[0].wait);
  EXPECT_EQ(findings[0].since, kNow - Seconds(4));
}

TEST(ServerHung, NeedsALoginThatFailedAfterTheSuspension) {
  // Goal: one signal alone, or an older login, is not enough.
  Instance older = suspended();
  older.seen.login.at = kNow - Seconds(10);
  EXPECT_THAT(older.causes(), IsEmpty());
  Instance answered = suspended();
  answered.seen.login.result = sense::ProbeResult::Ok;
  EXPECT_THAT(answered.causes(), IsEmpty());
}

TEST(ServerHung, SlowIsNotDeadUntilHungAfter) {
  // Goal: silence is named at once and acted on only after hung_after without login, CPU and I/O.
  const auto early = silent_for(Seconds(59)).findings();
  ASSERT_THAT(early, SizeIs(1));
  EXPECT_TRUE(early[0].wait);
  const auto late = silent_for(Seconds(60)).findings();
  ASSERT_THAT(late, SizeIs(1));
  EXPECT_FALSE(late[0].wait);
  Instance working = silent_for(Seconds(600));
  working.seen.process.progress_at = kNow - Seconds(2);
  ASSERT_THAT(working.findings(), SizeIs(1));
  EXPECT_TRUE(working.findings()[0].wait);
}

TEST(ServerHung, NeedsAgreeingLogins) {
  // Goal: a single unanswered login means nothing.
  Instance instance = silent_for(Seconds(600));
  instance.seen.login.failures = 1;
  EXPECT_THAT(instance.causes(), IsEmpty());
}

TEST(ServerRecovering, IsNamedFromTheServersWord) {
  // Goal: 57P03 is recovery, which is waited for, and no failing login.
  Instance said = healthy();
  said.seen.login.result = sense::ProbeResult::Rejected;
  said.seen.login.sqlstate = "57P03";
  said.seen.login.failures = 9;
  ASSERT_THAT(said.causes(), ElementsAre(Cause::ServerRecovering));
  EXPECT_TRUE(said.findings()[0].wait);
}

TEST(ServerRecovering, IsNotAShutdown) {
  // Goal: a server that is shutting down says 57P03 as well; until its lock file was looked at
  // nothing is said, and then it is the operator's stop.
  Instance stopping = healthy();
  stopping.seen.login.result = sense::ProbeResult::Rejected;
  stopping.seen.login.sqlstate = "57P03";
  stopping.seen.process.at = kNow - Millis(1);
  EXPECT_THAT(stopping.causes(), IsEmpty());
  stopping.seen.process.at = kNow;
  stopping.seen.process.stopping = true;
  EXPECT_THAT(stopping.causes(), ElementsAre(Cause::StoppedByOperator));
}

TEST(ServerRecovering, TellsOfTheKilledBackendThatCausedIt) {
  // Goal: a crash restart carries the log line of the process that died.
  Instance instance = healthy();
  instance.seen.login.result = sense::ProbeResult::Rejected;
  instance.seen.login.sqlstate = "57P03";
  log(instance, pg::Signature::ProcessKilled, "server process (PID 7) was terminated by signal 9");
  ASSERT_THAT(instance.findings(), SizeIs(1));
  EXPECT_THAT(instance.findings()[0].evidence.back().text, HasSubstr("PID 7"));
}

TEST(LoginFailing, IsNamedAfterAgreeingRejections) {
  // Goal: the server's own words are named, waited on, and one rejection is not enough.
  Instance instance = healthy();
  instance.seen.login.result = sense::ProbeResult::Rejected;
  instance.seen.login.sqlstate = "28P01";
  instance.seen.login.note = "password authentication failed";
  instance.seen.login.failures = 1;
  EXPECT_THAT(instance.causes(), IsEmpty());
  instance.seen.login.failures = 2;
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::LoginFailing));
  EXPECT_TRUE(instance.findings()[0].wait);
  EXPECT_THAT(instance.findings()[0].summary, HasSubstr("password authentication"));
}

TEST(StalePid, NeedsAnotherOwnerOfThePid) {
  // Goal: only a reused pid stands in the way; an ordinary stale lock is a kill's remnant.
  Instance instance = killed();
  EXPECT_FALSE(has(instance, Cause::StalePid));
  instance.seen.files.lock.pid_reused = true;
  instance.seen.files.lock.pid_owner = "nginx";
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::StalePid, Cause::ServerKilled));
  EXPECT_THAT(instance.findings()[0].summary, HasSubstr("nginx"));
  instance.seen.files.lock.state = instance::LockState::Orphans;
  EXPECT_TRUE(has(instance, Cause::StalePid));
}

TEST(StalePid, IsNotSaidOfALockThatCannotBeJudged) {
  // Goal: a real twin in another namespace is never overridden.
  Instance instance = killed();
  instance.seen.files.lock.pid_reused = true;
  instance.seen.files.lock.state = instance::LockState::Unclear;
  EXPECT_FALSE(has(instance, Cause::StalePid));
}

TEST(PortTaken, IsBelievedOnlyWithTheServersWord) {
  // Goal: a listener beside a server that did not complain is no obstacle; nor is a bare complaint.
  Instance instance = killed();
  instance.seen.files.port_listener = {"127.0.0.1:5432", 4711, "socat"};
  EXPECT_FALSE(has(instance, Cause::PortTaken));
  log(instance, pg::Signature::PortTaken, "could not bind IPv4 address: Address already in use");
  ASSERT_TRUE(has(instance, Cause::PortTaken));
  EXPECT_TRUE(instance.findings()[0].wait);
  EXPECT_THAT(instance.findings()[0].summary, HasSubstr("socat (pid 4711)"));
  instance.seen.files.port_listener.reset();
  EXPECT_FALSE(has(instance, Cause::PortTaken));
}

TEST(PortTaken, IsTheEnginesWordToo) {
  // Goal: a container the engine could not start for its published port says so (D16).
  Instance instance = killed();
  auto& hosting = in_container(instance);
  hosting.container.error =
      "driver failed programming external connectivity on endpoint pg: Bind "
      "for 0.0.0.0:5432 failed: port is already allocated";
  ASSERT_TRUE(has(instance, Cause::PortTaken));
  EXPECT_THAT(instance.findings()[0].summary, HasSubstr("container pg"));
  EXPECT_TRUE(instance.findings()[0].wait);
  hosting.container.error = "OCI runtime create failed";
  EXPECT_FALSE(has(instance, Cause::PortTaken));
}

TEST(ServerStartFailed, SaysWhyByTheServersOwnWords) {
  // Goal: the earliest word nothing else explains is the reason, with its advice; without one the
  // finding says less and is less sure (K12 K13 K36 K44).
  Instance instance = killed();
  instance.seen.start = {kNow, true, true, "exit code 1"};
  EXPECT_DOUBLE_EQ(instance.findings()[0].confidence, 0.7);
  log(instance, pg::Signature::Interrupted, "database system was interrupted");
  log(instance, pg::Signature::CheckpointMissing, "could not locate a valid checkpoint record");
  log(instance, pg::Signature::ProcessCrashed,
      "startup process (PID 9) was terminated by signal 6");
  log(instance, pg::Signature::StartupFailed, "aborting startup due to startup process failure");
  const auto findings = instance.findings();
  ASSERT_EQ(findings[0].cause, Cause::ServerStartFailed);
  EXPECT_DOUBLE_EQ(findings[0].confidence, 0.9);
  EXPECT_THAT(findings[0].summary, HasSubstr("the WAL the server needs to start is gone"));
  EXPECT_THAT(findings[0].hint, HasSubstr("never pg_resetwal"));
}

TEST(ConfigBroken, IsNamedFromTheServersParser) {
  // Goal: the parser's words name it while the server is down, with the changed files.
  Instance instance = killed();
  instance.seen.files.config_changed = {"/etc/postgresql/15/main/postgresql.conf"};
  EXPECT_FALSE(has(instance, Cause::ConfigBroken));
  instance.seen.files.config_error = "invalid value for parameter \"port\"";
  ASSERT_TRUE(has(instance, Cause::ConfigBroken));
  EXPECT_EQ(instance.findings()[0].cause, Cause::ConfigBroken);
  EXPECT_THAT(instance.findings()[0].evidence, SizeIs(2));
}

TEST(ConfigBroken, IsNotSaidOfAServerStoppedOnPurposeOrRunning) {
  // Goal: an operator in the middle of editing is left alone.
  Instance stopped = stopped_cleanly();
  stopped.seen.files.config_error = "syntax error";
  EXPECT_THAT(stopped.causes(), ElementsAre(Cause::StoppedByOperator));
  Instance running = healthy();
  running.seen.files.config_error = "syntax error";
  EXPECT_THAT(running.causes(), IsEmpty());
}

}  // namespace
}  // namespace pgkeel::diagnose
