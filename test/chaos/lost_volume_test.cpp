// The data directory is removed for good, and the archive brings it back. Commits are synchronous
// with the archive, so nothing acknowledged may be missing.
#include "chaos/archived.hpp"

namespace pgkeel::chaos {
namespace {

constexpr int kRounds = 2;

TEST(LostVolume, IsRestoredWithEveryAcknowledgedCommit) {
  // Goal: rm -rf of the data directory under a writer, again and again: the guard restores it by
  // itself and nothing acknowledged is lost (A3 D7 D10 X2 X4).
  Archived archived;
  ASSERT_TRUE(archived.built());
  ASSERT_TRUE(archived.await_backup());
  ASSERT_TRUE(archived.await_synchronous());
  add_writer(archived.scene());
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(round);
    ASSERT_TRUE(archived.await_synchronous());
    ASSERT_NO_FATAL_FAILURE(archived.lose_the_volume());
    ASSERT_TRUE(await_healed(archived.stage(), "volume_lost"));
    ASSERT_TRUE(service_restored(archived.scene()));
  }
}

}  // namespace
}  // namespace pgkeel::chaos
