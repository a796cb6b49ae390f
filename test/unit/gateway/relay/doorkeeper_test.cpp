// Who waits to prove itself, and what wrong passwords cost.
#include "gateway/relay/doorkeeper.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>

#include <cstring>

#include "gateway/relay/door_address.hpp"

namespace pgkeel::gateway {
namespace {

using Entry = Doorkeeper::Entry;

const SteadyTime kBegin = SteadyTime(std::chrono::hours(1));

/// What the last of `times` failures at one moment waits.
Seconds failed_often(Doorkeeper& door, const std::string& address, std::size_t times,
                     SteadyTime now) {
  Seconds wait{-1};
  for (std::size_t time = 0; time < times; ++time) wait = door.failed(address, now);
  return wait;
}

TEST(Doorkeeper, NobodyHasMoreThanItsShare) {
  // Goal: at its share an address is refused and the next is not; at the sum everybody is; one that
  // passed makes room for one.
  Doorkeeper door;
  const DoorLimits limits{.unproven_most = 5, .of_address_most = 3};
  for (int time = 0; time < 3; ++time) EXPECT_EQ(door.arrived("a", limits), Entry::Admitted);
  EXPECT_EQ(door.arrived("a", limits), Entry::Refused);
  for (int time = 0; time < 2; ++time) EXPECT_EQ(door.arrived("b", limits), Entry::Admitted);
  EXPECT_EQ(door.arrived("b", limits), Entry::Refused);
  EXPECT_EQ(door.arrived("c", limits), Entry::Refused);
  EXPECT_EQ(door.unproven(), 5U);
  door.passed("a");
  EXPECT_EQ(door.arrived("c", limits), Entry::Admitted);
  door.passed("b");
  EXPECT_EQ(door.arrived("a", limits), Entry::Admitted);
  EXPECT_EQ(door.arrived("a", limits), Entry::Refused);
}

TEST(Doorkeeper, RefusingCountsNobody) {
  // Goal: after everybody has passed, all places are there again, however often it refused.
  Doorkeeper door;
  const DoorLimits limits{.unproven_most = 4, .of_address_most = 2};
  for (int round = 0; round < 3; ++round) {
    for (const auto* address : {"a", "b"})
      for (int time = 0; time < 5; ++time) static_cast<void>(door.arrived(address, limits));
    EXPECT_EQ(door.unproven(), 4U);
    for (const auto* address : {"a", "a", "b", "b"}) door.passed(address);
    EXPECT_EQ(door.unproven(), 0U);
  }
}

TEST(Doorkeeper, WhoWaitsForUsTakesNoPlaceUntilItReturns) {
  // Goal: those aside make room for as many, up to their own share; back they count, though it is
  // more than the limit.
  Doorkeeper door;
  const DoorLimits limits{.unproven_most = 9, .of_address_most = 2, .aside_of_address_most = 3};
  for (int time = 0; time < 3; ++time) {
    EXPECT_EQ(door.arrived("a", limits), Entry::Admitted);
    EXPECT_TRUE(door.stepped_aside("a", limits));
  }
  EXPECT_EQ(door.arrived("a", limits), Entry::Admitted);
  EXPECT_FALSE(door.stepped_aside("a", limits));
  EXPECT_EQ(door.aside(), 3U);
  EXPECT_EQ(door.unproven(), 1U);
  for (int time = 0; time < 3; ++time) door.returned("a");
  EXPECT_EQ(door.aside(), 0U);
  EXPECT_EQ(door.unproven(), 4U);
  EXPECT_EQ(door.arrived("a", limits), Entry::Refused);
  for (int time = 0; time < 4; ++time) door.passed("a");
  EXPECT_EQ(door.unproven(), 0U);
  EXPECT_EQ(door.arrived("a", limits), Entry::Admitted);
}

TEST(Doorkeeper, EachWrongPasswordMoreWaitsASecondMore) {
  // Goal: ten are free, the eleventh waits a second, the twentieth ten, and none more than that.
  Doorkeeper door;
  EXPECT_EQ(failed_often(door, "a", 10, kBegin), Seconds(0));
  for (int more = 1; more <= 10; ++more) EXPECT_EQ(door.failed("a", kBegin), Seconds(more));
  EXPECT_EQ(failed_often(door, "a", 1000, kBegin), Seconds(10));
  EXPECT_EQ(door.failed("b", kBegin), Seconds(0));  // nobody else's
}

TEST(Doorkeeper, IsForgivenAfterAMinuteOrARightPassword) {
  // Goal: what is a minute old does not count, each failure by its own age; a success clears all.
  Doorkeeper door;
  EXPECT_EQ(failed_often(door, "a", 10, kBegin), Seconds(0));
  EXPECT_EQ(failed_often(door, "a", 5, kBegin + Seconds(30)), Seconds(5));
  EXPECT_EQ(door.failed("a", kBegin + Seconds(59)), Seconds(6));
  EXPECT_EQ(door.failed("a", kBegin + Seconds(60)), Seconds(0));
  EXPECT_EQ(failed_often(door, "a", 4, kBegin + Seconds(61)), Seconds(1));
  door.succeeded("a");
  EXPECT_EQ(failed_often(door, "a", 10, kBegin + Seconds(61)), Seconds(0));
  EXPECT_EQ(door.failed("a", kBegin + Seconds(61)), Seconds(1));
  door.succeeded("b");  // never failed
}

TEST(Doorkeeper, RemembersABoundedNumberOfAddresses) {
  // Goal: of one too many the one that failed longest ago goes, not the one that came first.
  Doorkeeper door;
  const auto name = [](std::size_t number) { return std::to_string(number); };
  for (std::size_t number = 0; number < Doorkeeper::kAddressesMost; ++number)
    failed_often(door, name(number), 10, kBegin);
  EXPECT_EQ(door.failed("0", kBegin), Seconds(1));
  EXPECT_EQ(door.failed("new", kBegin), Seconds(0));
  EXPECT_EQ(door.remembered(), Doorkeeper::kAddressesMost);
  EXPECT_EQ(door.failed("0", kBegin), Seconds(2));
  EXPECT_EQ(door.failed("2", kBegin), Seconds(1));
  EXPECT_EQ(door.failed("1", kBegin), Seconds(0));  // forgotten
}

std::string of_six(const char* text) {
  sockaddr_storage peer{};
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  EXPECT_EQ(::inet_pton(AF_INET6, text, &six.sin6_addr), 1);
  std::memcpy(&peer, &six, sizeof six);
  return door_address_of(peer, -1);
}

std::string of_four(const char* text) {
  sockaddr_storage peer{};
  sockaddr_in four{};
  four.sin_family = AF_INET;
  EXPECT_EQ(::inet_pton(AF_INET, text, &four.sin_addr), 1);
  std::memcpy(&peer, &four, sizeof four);
  return door_address_of(peer, -1);
}

TEST(DoorAddress, IsAHostsWhateverItCallsItself) {
  // Goal: a host's /64 is one address, whose neighbours are others; IPv4 is the same when mapped;
  // the port says nothing.
  EXPECT_EQ(of_six("2001:db8:0:1::1"), of_six("2001:db8:0:1:ffff::2"));
  EXPECT_NE(of_six("2001:db8:0:1::1"), of_six("2001:db8:0:2::1"));
  EXPECT_EQ(of_six("::ffff:10.0.0.1"), of_four("10.0.0.1"));
  EXPECT_NE(of_six("::ffff:10.0.0.1"), of_six("::ffff:10.0.0.2"));
  EXPECT_NE(of_four("127.0.0.1"), of_four("127.0.0.2"));
}

}  // namespace
}  // namespace pgkeel::gateway
