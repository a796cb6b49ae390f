// A fence over a real cluster: no server starts in it, whoever asks; it is named as what it is, can
// be interrupted anywhere, and is taken back with everything in it.
#include "instance/fence.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "instance/search.hpp"
#include "integration/instance/fixture.hpp"

namespace pgkeel::instance {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class FenceTest : public InstanceTest {
 protected:
  void SetUp() override { make_server(); }
  fs::path dir() { return server().data_dir(); }
  fs::path control() { return dir() / "global" / "pg_control"; }
  fs::path fenced() { return dir() / "global" / "pg_control.fenced"; }
  static FenceNote note() {
    return {wall_now(), "incident 2026-11-21-001", "the cluster 7\nstands in another's place"};
  }
};

TEST_F(FenceTest, KeepsAServerFromStartingAndGivesItBack) {
  // Goal: rule 10: fenced data is started by nobody, not by the server's own program either; given
  // back it is what it was (D6).
  const auto id = identity();
  ASSERT_TRUE(fence_data(dir(), note()).has_value());
  const auto report = start({id, {}});
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::DataDirFenced);
  runtime::ProcessSpec spec;
  spec.argv = {(server().bin_dir() / "postgres").string(), "-D", dir().string()};
  if (runtime::running_as_root()) spec.run_as = *instance().inspect_data_dir().owner;
  const auto by_hand = run(runtime::run_process(loop_, std::move(spec), soon()));
  ASSERT_TRUE(by_hand.has_value());
  EXPECT_FALSE(by_hand->exit.ok());
  EXPECT_THAT(by_hand->err, HasSubstr("could not find the database system"));
  ASSERT_TRUE(unfence_data(dir()).has_value());
  EXPECT_FALSE(fs::exists(dir() / kFenceNoteName));
  EXPECT_EQ(identity(), id);
  started();
}

TEST_F(FenceTest, IsNamedInOneLineAndNotAsALoss) {
  // Goal: the preflight says fenced, when, why and the way back; the facts say which cluster.
  const auto id = identity();
  ASSERT_TRUE(fence_data(dir(), note()).has_value());
  const auto verdict = run(instance().preflight());
  ASSERT_FALSE(verdict.has_value());
  EXPECT_EQ(verdict.error().code, ErrorCode::DataDirFenced);
  EXPECT_THAT(verdict.error().detail,
              testing::AllOf(HasSubstr("fenced by pgkeel at 20"),
                             HasSubstr("because the cluster 7 stands in another's place"),
                             HasSubstr("'pgkeel unfence --yes' gives it back")));
  const auto facts = instance().inspect_data_dir();
  EXPECT_EQ(facts.fenced_system_id, id);
  EXPECT_FALSE(facts.control);
  EXPECT_EQ(read_fence(dir())->note->by, "incident 2026-11-21-001");
}

TEST_F(FenceTest, IsNotPutUpOverALivingServer) {
  // Goal: a server that lives is ended first: nothing is changed while one does.
  started();
  const auto before = fs::exists(control());
  const auto refused = fence_data(dir(), note());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::WrongState);
  EXPECT_TRUE(before && fs::exists(control()));
  EXPECT_FALSE(fs::exists(dir() / kFenceNoteName));
}

TEST_F(FenceTest, MayBeInterruptedAndRepeated) {
  // Goal: E6: a note alone is no fence, a fence put up twice is one, and one without a note is one.
  ASSERT_TRUE(fence_data(dir(), note()).has_value());
  ASSERT_TRUE(fence_data(dir(), note()).has_value());
  fs::rename(fenced(), control());  // as killed between note and rename
  EXPECT_FALSE(read_fence(dir()));
  EXPECT_TRUE(has_stale_note(dir()));
  ASSERT_TRUE(unfence_data(dir()).has_value());
  EXPECT_FALSE(has_stale_note(dir()));
  ASSERT_TRUE(unfence_data(dir()).has_value());
  ASSERT_TRUE(fence_data(dir(), note()).has_value());
  fs::remove(dir() / kFenceNoteName);
  EXPECT_THAT(instance().inspect_data_dir().fenced, HasSubstr("its note is gone"));
  ASSERT_TRUE(unfence_data(dir()).has_value());
  started();
}

TEST_F(FenceTest, IsNotLiftedOverAnotherControlFile) {
  // Goal: what somebody put in the place is not replaced: refused, both are kept.
  ASSERT_TRUE(fence_data(dir(), note()).has_value());
  fs::copy_file(fenced(), control());
  EXPECT_FALSE(read_fence(dir()));  // a server would start: it holds no more
  const auto refused = unfence_data(dir());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::Refused);
  EXPECT_TRUE(fs::exists(control()) && fs::exists(fenced()));
  EXPECT_FALSE(fence_data(dir(), note()).has_value());
}

TEST_F(FenceTest, IsNoLostDataThatASearchWouldTake) {
  // Goal: fenced data is never found and put back into service by a search for lost data.
  const auto id = identity();
  const auto place = dir().parent_path() / "elsewhere";
  const auto is_found = [&] {  // other tests' clusters may be copies of the same one
    const auto report = find_lost_data({id, place, {}}, soon());
    return std::ranges::count(report.candidates, dir(), &LostDataCandidate::path) == 1;
  };
  EXPECT_TRUE(is_found());
  ASSERT_TRUE(fence_data(dir(), note()).has_value());
  EXPECT_FALSE(is_found());
}

}  // namespace
}  // namespace pgkeel::instance
