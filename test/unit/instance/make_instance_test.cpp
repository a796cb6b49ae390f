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

TEST(MakeInstance, ARemoteServerHasNeitherFilesNorProcess) {
  // Goal: it can be described without its password, and says that everything else is out of reach
  // (A8).
  runtime::Loop loop;
  InstanceConfig config;
  config.kind = Kind::Remote;
  config.url = "postgresql://app:hunter2@db.example:6000/shop";
  const auto made = make_instance(loop, config);
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ((*made)->describe(), "remote server db.example:6000");
  EXPECT_EQ((*made)->port(), 6000);
  EXPECT_FALSE((*made)->find_postmaster());
  EXPECT_FALSE((*made)->capabilities().can_start);
  const auto resumed = (*made)->resume_stopped();
  ASSERT_FALSE(resumed);
  EXPECT_EQ(resumed.error().code, ErrorCode::NotSupported);
}

TEST(MakeInstance, RefusesAUrlItCannotRead) {
  // Goal: a broken url is one clear error.
  runtime::Loop loop;
  InstanceConfig config;
  config.kind = Kind::Remote;
  config.url = "postgresql://db.example:notaport/shop";
  const auto made = make_instance(loop, config);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::BadConninfo);
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
