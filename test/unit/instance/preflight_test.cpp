#include "instance/preflight.hpp"

#include <gmock/gmock.h>

namespace pgkeel::instance {
namespace {

using testing::HasSubstr;

constexpr uid_t kOwner = 70;

DataDirFacts whole() {
  DataDirFacts facts;
  facts.state = DataDirState::Present;
  facts.major = 15;
  facts.mode = 0700;
  facts.owner = runtime::Account{"postgres", kOwner, kOwner, "/var/lib/postgresql"};
  facts.control = pg::ControlFile{};
  facts.control->major = 15;
  facts.control->system_id = SystemId{7};
  return facts;
}

template <class T>
ErrorCode code_of(const Result<T>& result) {
  return result ? ErrorCode::Failed : result.error().code;
}

TEST(Preflight, AcceptsAWholeDirectory) {
  // Goal: the good case passes every check, as owner and as root, with mode 0700 and 0750.
  DataDirFacts facts = whole();
  EXPECT_TRUE(check_data_dir(facts, "/data"));
  EXPECT_TRUE(check_owner(facts, "/data", kOwner));
  EXPECT_TRUE(check_owner(facts, "/data", 0));
  facts.mode = 0750;
  EXPECT_TRUE(check_owner(facts, "/data", kOwner));
  EXPECT_TRUE(check_major(facts, "/data", 15));
  EXPECT_TRUE(check_identity(*facts.control, "/data", SystemId{7}));
}

TEST(Preflight, GivesEachStateItsOwnCode) {
  // Goal: missing, empty, incomplete and unreadable stay four different answers.
  DataDirFacts facts = whole();
  facts.detail = "base is missing";
  const std::pair<DataDirState, ErrorCode> rows[] = {
      {DataDirState::Missing, ErrorCode::DataDirMissing},
      {DataDirState::Empty, ErrorCode::DataDirEmpty},
      {DataDirState::Incomplete, ErrorCode::DataDirIncomplete},
      {DataDirState::Unreadable, ErrorCode::Permission}};
  for (const auto& [state, code] : rows) {
    facts.state = state;
    const auto verdict = check_data_dir(facts, "/data");
    EXPECT_EQ(code_of(verdict), code);
    EXPECT_THAT(verdict.error().detail, HasSubstr("/data"));
  }
  facts.state = DataDirState::Incomplete;
  facts.fenced = "fenced by pgkeel";
  EXPECT_EQ(code_of(check_data_dir(facts, "/data")), ErrorCode::DataDirFenced);
  facts.fenced.clear();
  facts.state = DataDirState::Present;
  facts.control_error = Error(ErrorCode::ControlFileCorrupt, "wrong checksum");
  EXPECT_EQ(code_of(check_data_dir(facts, "/data")), ErrorCode::ControlFileCorrupt);
}

TEST(Preflight, RefusesOwnersItCannotRunAs) {
  // Goal: root's directory, another user's, and one with foreign parts are told apart.
  DataDirFacts facts = whole();
  EXPECT_EQ(code_of(check_owner(facts, "/data", kOwner + 1)), ErrorCode::DataDirWrongOwner);
  facts.foreign_part = "base is owned by root";
  EXPECT_THAT(check_owner(facts, "/data", 0).error().detail, HasSubstr("base is owned by root"));
  facts = whole();
  facts.owner->uid = 0;
  EXPECT_EQ(code_of(check_owner(facts, "/data", 0)), ErrorCode::DataDirWrongOwner);
  facts = whole();
  facts.mode = 0755;
  EXPECT_EQ(code_of(check_owner(facts, "/data", kOwner)), ErrorCode::Permission);
}

TEST(Preflight, ComparesThreeVersions) {
  // Goal: PG_VERSION, control file and programs must agree.
  DataDirFacts facts = whole();
  EXPECT_EQ(code_of(check_major(facts, "/data", 16)), ErrorCode::DataDirWrongMajor);
  facts.control->major = 14;
  EXPECT_EQ(code_of(check_major(facts, "/data", 15)), ErrorCode::DataDirWrongMajor);
}

TEST(Preflight, NeedsTheExpectedIdentity) {
  // Goal: a stranger is WrongIdentity; no expectation at all is refused too (X8).
  const DataDirFacts facts = whole();
  EXPECT_EQ(code_of(check_identity(*facts.control, "/data", SystemId{8})),
            ErrorCode::WrongIdentity);
  EXPECT_EQ(code_of(check_identity(*facts.control, "/data", SystemId{})), ErrorCode::Refused);
}

TEST(Preflight, HandsOnOnlyAVerifiedStalePid) {
  // Goal: the pid to ignore comes from a stale lock, and must be the one the caller verified.
  LockFacts lock;
  EXPECT_EQ(*check_lock(lock, "/data", {}), std::nullopt);
  EXPECT_EQ(code_of(check_lock(lock, "/data", 5)), ErrorCode::Refused);
  lock.state = LockState::Stale;
  lock.file.emplace().pid = 5;
  EXPECT_EQ(*check_lock(lock, "/data", {}), std::nullopt);
  EXPECT_EQ(*check_lock(lock, "/data", 5), 5);
  EXPECT_EQ(code_of(check_lock(lock, "/data", 6)), ErrorCode::Refused);
  lock.pid_reused = true;
  EXPECT_EQ(*check_lock(lock, "/data", {}), 5);
}

TEST(Preflight, StartsNothingBesideAnotherServer) {
  // Goal: live and orphaned processes stand in the way, an unclear lock is refused.
  LockFacts lock;
  lock.state = LockState::Live;
  EXPECT_EQ(code_of(check_lock(lock, "/data", {})), ErrorCode::WrongState);
  lock.state = LockState::Orphans;
  lock.orphans = {11, 12};
  EXPECT_THAT(check_lock(lock, "/data", {}).error().detail, HasSubstr("11"));
  lock.state = LockState::Unclear;
  EXPECT_EQ(code_of(check_lock(lock, "/data", {})), ErrorCode::Refused);
}

}  // namespace
}  // namespace pgkeel::instance
