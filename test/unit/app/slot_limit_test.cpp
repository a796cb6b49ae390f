// How much WAL a slot may hold back, by the size of the disk.
#include "app/guard/slot_limit.hpp"

#include <gtest/gtest.h>

namespace pgkeel::app {
namespace {

constexpr std::uint64_t kGigabyte = 1U << 30U;

TEST(SlotLimit, IsAQuarterOfTheDiskWithinReason) {
  // Goal: the slot never fills the disk by itself, and a short absence never costs the WAL (E8).
  EXPECT_EQ(slot_limit(40 * kGigabyte), "10240MB");
  EXPECT_EQ(slot_limit(1 * kGigabyte), "512MB");
  EXPECT_EQ(slot_limit(4000 * kGigabyte), "65536MB");
  EXPECT_EQ(slot_limit(std::nullopt), "20480MB");
  EXPECT_EQ(slot_limit_statement(40 * kGigabyte),
            "alter system set max_slot_wal_keep_size = '10240MB'");
}

}  // namespace
}  // namespace pgkeel::app
