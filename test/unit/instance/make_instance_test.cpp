#include <gmock/gmock.h>

#include "instance/config.hpp"

namespace pgkeel::instance {
namespace {

TEST(MakeInstance, NeedsADataDirectory) {
  // Goal: a configuration without one is one clear line with exit code 2.
  runtime::Loop loop;
  for (const Kind kind : {Kind::Embedded, Kind::Managed}) {
    InstanceConfig config;
    config.kind = kind;
    const auto made = make_instance(loop, config);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::ConfigBadValue);
    EXPECT_EQ(made.error().exit_number(), 2);
  }
}

TEST(MakeInstance, SaysWhatIsNotThereYet) {
  // Goal: container and remote are named as not supported, not silently taken for managed.
  runtime::Loop loop;
  for (const Kind kind : {Kind::Container, Kind::Remote}) {
    InstanceConfig config;
    config.kind = kind;
    config.data_dir = "/data";
    EXPECT_EQ(make_instance(loop, config).error().code, ErrorCode::NotSupported);
  }
}

TEST(MakeInstance, TouchesNothingAndMayFindNothing) {
  // Goal: an instance whose directory is gone can be described, asked and refuses to start.
  runtime::Loop loop;
  InstanceConfig config;
  config.kind = Kind::Embedded;
  config.data_dir = "/nowhere/data/";
  const auto made = make_instance(loop, config);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_THAT((*made)->describe(), testing::StartsWith("embedded at /nowhere/data"));
  EXPECT_EQ((*made)->inspect_data_dir().state, DataDirState::Missing);
  EXPECT_EQ((*made)->inspect_lock().state, LockState::None);
  EXPECT_EQ((*made)->port(), 0);
  EXPECT_TRUE((*made)->config_files().empty());
}

}  // namespace
}  // namespace pgkeel::instance
