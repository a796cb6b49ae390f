// What may be renamed aside to make room for the known data.
#include "recover/playbooks/lost_data.hpp"

#include <gmock/gmock.h>

#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::recover {
namespace {

using namespace pgkeel::test;

TEST(SetAside, MovesOnlyWhatIsCertainlyAnotherCluster) {
  // Goal: a guard that is wrong about the world never moves the known data itself (C1, D6).
  const auto identity = *known_shop().identity;
  auto stranger = healthy();
  replace_by_stranger(stranger);
  EXPECT_EQ(objection_to_moving(stranger.seen.files.data_dir, identity), "");
  EXPECT_NE(objection_to_moving(healthy().seen.files.data_dir, identity), "");
  auto unreadable = healthy();
  unreadable.seen.files.data_dir.control.reset();
  EXPECT_NE(objection_to_moving(unreadable.seen.files.data_dir, identity), "");
  const auto empty = without_data(instance::DataDirState::Empty);
  EXPECT_EQ(objection_to_moving(empty.seen.files.data_dir, identity), "");
}

}  // namespace
}  // namespace pgkeel::recover
