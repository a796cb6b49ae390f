// What a container engine's word adds: killed for memory, paused, gone, doubled, replaced.
#include <gmock/gmock.h>

#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::diagnose {
namespace {

using namespace pgkeel::test;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr unsigned kSecondsShift = 32;
SystemId made_at(WallTime time) {
  const auto seconds = std::chrono::floor<Seconds>(time.time_since_epoch()).count();
  return SystemId{(static_cast<std::uint64_t>(seconds) << kSecondsShift) + 7};
}

Instance replaced_by_cluster_of(WallTime time) {
  Instance instance = healthy();
  in_container(instance);
  instance.known.identity->seen_at = kWall - Seconds(3600);
  instance.known.identity->major = instance.seen.files.data_dir.major = 15;
  instance.seen.files.data_dir.control->system_id = made_at(time);
  return instance;
}

TEST(OomKilled, IsToldFromAPlainKill) {
  // Goal: the engine's flag names the cause; without it the same death is server_killed.
  Instance instance = killed();
  auto& facts = in_container(instance);
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::ServerKilled));
  facts.container.oom_killed = true;
  EXPECT_EQ(instance.causes().front(), Cause::OomKilled);
}

TEST(OomKilled, IsKnownFromTheKernelAnywhere) {
  // Goal: the kernel's word about the very pid is enough, in a container or not (C2).
  Instance instance = killed();
  instance.seen.process.oom_kill = "Out of memory: Killed process 100 (postgres)";
  EXPECT_EQ(instance.causes().front(), Cause::OomKilled);
}

TEST(OomKilled, IsNotSaidOfAStop) {
  // Goal: the flag may be left from an earlier end; a clean stop is the operator's.
  Instance instance = stopped_cleanly();
  in_container(instance).container.oom_killed = true;
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::StoppedByOperator));
}

TEST(ContainerPaused, OutranksSilence) {
  // Goal: a paused container is never taken for a hung server (B13).
  Instance instance = silent_for(Seconds(3600));
  auto& facts = in_container(instance);
  EXPECT_EQ(instance.causes().front(), Cause::ServerHung);
  facts.container.paused = true;
  EXPECT_EQ(instance.causes().front(), Cause::ContainerPaused);
  EXPECT_TRUE(instance.findings().front().wait);
}

TEST(ContainerMissing, IsAWarningAfterAStop) {
  // Goal: a container removed after a clean stop is named mildly, after a kill as critical.
  for (const bool clean : {true, false}) {
    Instance instance = clean ? stopped_cleanly() : killed();
    in_container(instance).exists = false;
    const auto first = instance.findings().front();
    EXPECT_EQ(first.cause, Cause::ContainerMissing);
    EXPECT_EQ(first.severity.has_value(), clean);
  }
}

TEST(EngineUnreachable, IsSaidOnlyWhenItMatters) {
  // Goal: an engine that does not answer is no trouble while the server runs (D3).
  Instance running = healthy();
  in_container(running).error = "connection refused";
  EXPECT_THAT(running.causes(), IsEmpty());
  Instance down = killed();
  in_container(down).error = "connection refused";
  EXPECT_EQ(down.causes().front(), Cause::EngineUnreachable);
}

// The container was never located: neither its files nor its processes can be told.
Instance never_located() {
  Instance instance;
  instance.seen.reach.sees_process = instance.seen.reach.sees_files = false;
  instance.seen.login.result = sense::ProbeResult::Refused;
  instance.seen.login.failures = 2;
  return instance;
}

TEST(EngineUnreachable, IsSaidOfAContainerThatWasNeverFound) {
  // Goal: where only the engine knew the place, its silence beside refused logins is named (C2).
  Instance instance = never_located();
  in_container(instance).error = "gave no answer within 5 s";
  EXPECT_EQ(instance.causes().front(), Cause::EngineUnreachable);
  EXPECT_LT(instance.findings().front().confidence, 0.95);
  instance.seen.login = {};
  EXPECT_THAT(instance.causes(), IsEmpty());
}

TEST(ContainerMissing, IsSaidOfAContainerThatWasNeverFound) {
  // Goal: no guard ever ran, the container is gone: named, and nothing said of its data (C2).
  Instance instance = never_located();
  in_container(instance).exists = false;
  const auto first = instance.findings().front();
  EXPECT_EQ(first.cause, Cause::ContainerMissing);
  EXPECT_THAT(first.summary, testing::HasSubstr("never noted"));
}

TEST(TwoServers, OutrankEverything) {
  // Goal: two postmasters in one directory are named, whatever else is seen (D3).
  Instance instance = killed();
  instance.seen.files.lock.state = instance::LockState::Unclear;
  instance.seen.files.lock.servers = 2;
  EXPECT_EQ(instance.causes().front(), Cause::TwoServers);
  EXPECT_TRUE(instance.findings().front().wait);
}

TEST(TwoServers, AreLeftToAHumanUnlessTheEngineKnowsTheOther) {
  // Goal: D14: two signals: two servers in the directory, and one other container over the data.
  Instance instance = killed();
  instance.seen.files.lock.state = instance::LockState::Unclear;
  instance.seen.files.lock.servers = 2;
  in_container(instance).twins = {"twin"};
  EXPECT_FALSE(instance.findings().front().wait);
  in_container(instance).twins = {"twin", "another"};
  EXPECT_TRUE(instance.findings().front().wait);
  in_container(instance).twins = {"twin"};
  instance.seen.files.lock.servers = 3;
  EXPECT_TRUE(instance.findings().front().wait);
}

TEST(FreshCluster, IsYoungerThanTheKnownOneWasSeenLast) {
  // Goal: a cluster initialised after the last sight of the known one, of the same major (D2).
  EXPECT_EQ(replaced_by_cluster_of(kWall).causes().front(), Cause::FreshCluster);
  EXPECT_EQ(replaced_by_cluster_of(kWall - Seconds(7200)).causes().front(), Cause::WrongIdentity);
  Instance upgraded = replaced_by_cluster_of(kWall);
  upgraded.seen.files.data_dir.major = 17;
  EXPECT_EQ(upgraded.causes().front(), Cause::WrongIdentity);
  Instance bare = replaced_by_cluster_of(kWall);
  bare.seen.hosting.facts.reset();
  EXPECT_EQ(bare.causes().front(), Cause::WrongIdentity);
}

}  // namespace
}  // namespace pgkeel::diagnose
