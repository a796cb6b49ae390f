// The rules about the data directory: lost, not mounted, a stranger's, without its control file.
#include <gmock/gmock.h>

#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::diagnose {
namespace {

using namespace pgkeel::test;
using instance::DataDirState;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(VolumeLost, IsNamedOnTheMountedFileSystem) {
  // Goal: a missing or empty directory on the right file system is lost data.
  for (const auto state : {DataDirState::Missing, DataDirState::Empty}) {
    const auto findings = without_data(state).findings();
    ASSERT_THAT(findings, SizeIs(1));
    EXPECT_EQ(findings[0].cause, Cause::VolumeLost);
    EXPECT_FALSE(findings[0].wait);
    EXPECT_THAT(findings[0].evidence[0].text, HasSubstr(to_string(kOurs)));
  }
}

TEST(VolumeLost, WaitsWhileTheServerStillRuns) {
  // Goal: a server on an unlinked directory holds the only copy; it is not to be stopped.
  for (const auto state : {sense::ProcessState::Running, sense::ProcessState::Stopped}) {
    Instance instance = without_data(DataDirState::Missing);
    instance.seen.process.state = state;
    const auto findings = volume_lost(instance.as_case());
    ASSERT_THAT(findings, SizeIs(1));
    EXPECT_TRUE(findings[0].wait);
    EXPECT_THAT(findings[0].summary, HasSubstr("do not stop it"));
  }
}

TEST(VolumeLost, IsNotSaidOfADirectoryNeverKnown) {
  // Goal: on a first start nothing is lost.
  Instance instance = without_data(DataDirState::Missing);
  instance.known.identity.reset();
  EXPECT_THAT(instance.causes(), IsEmpty());
}

TEST(MountMissing, IsToldFromLossByUuid) {
  // Goal: another UUID under the path means not mounted, and is only waited for.
  Instance instance = without_data(DataDirState::Empty);
  instance.seen.files.data_dir.filesystem = root_disk();
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::MountMissing));
  EXPECT_TRUE(instance.findings()[0].wait);
  // The same UUID with another fsid is the same file system.
  instance.seen.files.data_dir.filesystem = disk();
  instance.seen.files.data_dir.filesystem->fsid = 0x9999;
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::VolumeLost));
}

TEST(MountMissing, IsToldFromLossByFsidWhereThereIsNoUuid) {
  // Goal: without a UUID, the kernel's id and the type decide.
  Instance instance = without_data(DataDirState::Missing);
  instance.known.identity->filesystem_uuid.clear();
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::VolumeLost));
  instance.seen.files.data_dir.filesystem->fsid = 0x9999;
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::MountMissing));
  instance.seen.files.data_dir.filesystem = disk();
  instance.seen.files.data_dir.filesystem->type = "tmpfs";
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::MountMissing));
}

TEST(WrongIdentity, IsNamedAndExplainsTheRest) {
  // Goal: a stranger's cluster is named alone, even where it looks killed or stopped.
  for (Instance instance : {killed(), stopped_cleanly(), stopped_at_once()}) {
    replace_by_stranger(instance);
    const auto findings = instance.findings();
    ASSERT_THAT(findings, SizeIs(1));
    EXPECT_EQ(findings[0].cause, Cause::WrongIdentity);
    EXPECT_FALSE(findings[0].wait);
    EXPECT_THAT(findings[0].summary, HasSubstr(to_string(kStranger)));
  }
}

TEST(WrongIdentity, WaitsWhileTheStrangerRuns) {
  // Goal: what somebody started is left to run, and its catalog is not taken for losses.
  Instance instance = healthy();
  replace_by_stranger(instance);
  instance.seen.catalog.databases.clear();
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::WrongIdentity));
  EXPECT_TRUE(instance.findings()[0].wait);
}

TEST(WrongIdentity, NeedsAKnownIdentity) {
  // Goal: the first cluster seen is adopted, not accused.
  Instance instance = killed();
  replace_by_stranger(instance);
  instance.known.identity.reset();
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::ServerKilled));
}

TEST(ControlFileLost, IsNamedWhenDamagedOrIncomplete) {
  // Goal: without a readable control file nothing is started as it is.
  Instance damaged = killed();
  damaged.seen.files.data_dir.control.reset();
  damaged.seen.files.data_dir.control_error = Error(ErrorCode::ControlFileCorrupt, "bad checksum");
  ASSERT_THAT(damaged.causes(), ElementsAre(Cause::ControlFileLost));
  EXPECT_FALSE(damaged.findings()[0].wait);  // the guard's copy may take its place
  EXPECT_THAT(damaged.findings()[0].summary, HasSubstr("bad checksum"));
  for (const auto state : {DataDirState::Incomplete, DataDirState::Unreadable}) {
    EXPECT_THAT(without_data(state).causes(), ElementsAre(Cause::ControlFileLost));
    EXPECT_TRUE(without_data(state).findings()[0].wait);
  }
}

TEST(ControlFileLost, IsRepairedOnlyWhenNothingElseIsMissing) {
  // Goal: a copy of the control file does not make up for a lost tablespace or directory.
  Instance instance = without_data(DataDirState::Incomplete);
  auto& facts = instance.seen.files.data_dir;
  facts.control_error = Error(ErrorCode::NotFound, "global/pg_control");
  facts.detail = "global/pg_control is missing";
  EXPECT_FALSE(instance.findings()[0].wait);
  facts.detail = "pg_xact is missing";
  EXPECT_TRUE(instance.findings()[0].wait);
}

TEST(DataFenced, IsNamedAndNotTakenForALoss) {
  // Goal: rule 10: what pgkeel renamed itself is neither lost nor mended; it says why and waits.
  Instance instance = without_data(DataDirState::Incomplete);
  auto& facts = instance.seen.files.data_dir;
  facts.control_error = Error(ErrorCode::NotFound, "global/pg_control");
  facts.fenced = "fenced by pgkeel at 2026-11-21T03:04:05Z because it is a stranger";
  facts.detail = facts.fenced;
  facts.fenced_system_id = kStranger;
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::DataFenced));
  const auto finding = instance.findings()[0];
  EXPECT_TRUE(finding.wait);
  EXPECT_THAT(finding.summary, HasSubstr("because it is a stranger"));
  EXPECT_THAT(finding.evidence[1].text, HasSubstr(to_string(kStranger)));
}

TEST(ControlFileLost, IsNotSaidWhileAServerRuns) {
  // Goal: a torn read beside a live server is no damage.
  Instance instance = healthy();
  instance.seen.files.data_dir.control.reset();
  instance.seen.files.data_dir.control_error = Error(ErrorCode::ControlFileCorrupt, "bad checksum");
  EXPECT_THAT(instance.causes(), IsEmpty());
}

}  // namespace
}  // namespace pgkeel::diagnose
