// When an observation counts as healthy service.
#include "sense/observation.hpp"

#include <gtest/gtest.h>

namespace pgkeel::sense {
namespace {

Observation serving() {
  Observation seen;
  seen.process.state = ProcessState::Running;
  seen.login.result = ProbeResult::Ok;
  seen.write.result = ProbeResult::Ok;
  return seen;
}

TEST(Observation, IsHealthyWithALoginAndAWrite) {
  // Goal: service is what a client feels: login and write.
  EXPECT_TRUE(serving().healthy());
  EXPECT_FALSE(Observation{}.healthy());
  for (const auto result :
       {ProbeResult::NotYet, ProbeResult::Refused, ProbeResult::TimedOut, ProbeResult::Rejected}) {
    Observation no_login = serving();
    no_login.login.result = result;
    EXPECT_FALSE(no_login.healthy());
    Observation no_write = serving();
    no_write.write.result = result;
    EXPECT_FALSE(no_write.healthy());
  }
}

TEST(Observation, AStandbyNeedsNoWrite) {
  // Goal: a server in recovery refuses writes and is well.
  Observation seen = serving();
  seen.write.result = ProbeResult::Rejected;
  seen.login.in_recovery = true;
  EXPECT_TRUE(seen.healthy());
}

TEST(Observation, ADeadOrSuspendedServerIsNotHealthyWhateverProbesSaidBefore) {
  // Goal: old probe results do not outlive the process.
  Observation seen = serving();
  seen.process.state = ProcessState::Absent;
  EXPECT_FALSE(seen.healthy());
  seen.process.state = ProcessState::Stopped;
  EXPECT_FALSE(seen.healthy());
  seen.process.state = ProcessState::Unknown;  // a remote server shows no processes
  EXPECT_TRUE(seen.healthy());
}

}  // namespace
}  // namespace pgkeel::sense
