// How far one step against a lack of memory goes (K1 K35).
#include "recover/memory_step.hpp"

#include <gmock/gmock.h>

namespace pgkeel::recover {
namespace {

constexpr std::int64_t kMegabyte = 1 << 20;
constexpr std::uint64_t kMachine = 10'000ULL * kMegabyte;

TEST(MemoryStep, ALimitIsDoubledUpToItsBounds) {
  // Goal: never above what the operator allows or four fifths of the machine; none without a word,
  // none where there was no limit.
  EXPECT_EQ(next_limit(512 * kMegabyte, 4096ULL * kMegabyte, kMachine), 1024 * kMegabyte);
  EXPECT_EQ(next_limit(3000 * kMegabyte, 4096ULL * kMegabyte, kMachine), 4096 * kMegabyte);
  EXPECT_EQ(next_limit(4096 * kMegabyte, 4096ULL * kMegabyte, kMachine), 0);
  EXPECT_EQ(next_limit(7000 * kMegabyte, 20'000ULL * kMegabyte, kMachine), 8000 * kMegabyte);
  EXPECT_EQ(next_limit(9000 * kMegabyte, 20'000ULL * kMegabyte, kMachine), 0);
  EXPECT_EQ(next_limit(512 * kMegabyte, 0, kMachine), 0);
  EXPECT_EQ(next_limit(0, 4096ULL * kMegabyte, kMachine), 0);
}

TEST(MemoryStep, WorkMemIsHalvedDownToTheFloor) {
  // Goal: a bounded number of steps, and none below the floor.
  EXPECT_EQ(next_work_mem(65536), 32768);
  EXPECT_EQ(next_work_mem(kWorkMemFloorKb + 500), kWorkMemFloorKb);
  EXPECT_EQ(next_work_mem(kWorkMemFloorKb), 0);
  EXPECT_EQ(next_work_mem(64), 0);
}

TEST(MemoryStep, WhatStaysIsAdvisedWithFigures) {
  // Goal: A6: the advice names the limit, what to set, and the line that sets it.
  EXPECT_EQ(limit_advice("pg", 256 * kMegabyte, 0),
            "recover.memory_limit is not set; 'docker update --memory 512m --memory-swap 512m pg' "
            "raises the limit of 256 MB");
  EXPECT_THAT(limit_advice("pg", 256 * kMegabyte, 256ULL * kMegabyte),
              testing::HasSubstr("256 MB is as high as"));
  EXPECT_THAT(limit_advice("pg", 0, 0), testing::HasSubstr("the machine ran out"));
}

}  // namespace
}  // namespace pgkeel::recover
