// A disk that the engine's log of the server's container has filled: emptied where the operator
// allows it, its end kept, whoever dies in between.
#include <fmt/format.h>

#include <fstream>

#include "chaos/container_scene.hpp"
#include "chaos/crash.hpp"
#include "chaos/volume.hpp"
#include "recover/engine_log.hpp"
#include "recover/executor.hpp"
#include "runtime/files.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLastWords = "the last words before the disk was full";

class EngineLog : public ContainerScene {
 protected:
  // All the engine keeps is on one small disk: images are read where they are.
  void start_engine() override {
    if (!own_mounts()) GTEST_SKIP() << "needs root and mount namespaces";
    volume_.emplace(dir_.path(), "448m");
    ASSERT_TRUE(volume_->attach());
    engine_.emplace(volume_->place());
    build({}, {{"PGKEEL_RECOVER_BALLAST", "0"},
               {"PGKEEL_RECOVER_ENGINE_LOG", "16MB"},
               {"PGKEEL_RECOVER_RESTARTS", "500 per 300s"}});
  }
  void TearDown() override {
    if (HasFailure() && scene_.stage) stage().keep();
    ContainerScene::TearDown();
    volume_.reset();
  }
  // As a server does that logs every statement, where nobody told the engine to rotate.
  void fill_by_log() {
    const auto log = engine_->log_file("pg");
    constexpr std::uintmax_t kPiece = 1U << 20U;
    const std::string piece(kPiece, 'x');
    std::ofstream file(log, std::ios::app);
    while (file && fs::space(log.parent_path()).available > 2 * kPiece) file << piece << std::flush;
    file << "\n" << kLastWords << "\n";
  }
  // Until there is no room for the next segment.
  [[nodiscard]] bool write_until_guard_died() {
    const auto died = [&] {
      static_cast<void>(stage().sql("postgres",
                                    "select pg_logical_emit_message(true, 'fill', "
                                    "repeat('x', 4000000)), pg_switch_wal()"));
      return !stage().guard_alive();
    };
    return test::wait_until(died, kPatience);
  }

  test::TempDir dir_;
  std::optional<Volume> volume_;
};

TEST_F(EngineLog, ThatFilledTheDiskIsEmptiedByWhicheverGuard) {
  // Goal: D8: the server is back with every row, the log is the same file, its end is kept, and
  // nothing is emptied twice (A6 D8 E6).
  const auto log = engine_->log_file("pg");
  const auto inode = runtime::inode_of(log);
  ASSERT_TRUE(inode) << log;
  const auto kept = stage().config().state_dir / "engine-log-end";
  for (const auto place : kPlaces) {
    SCOPED_TRACE(place);
    const auto mark = stage().directory() / "mark";
    fs::remove(mark);
    fs::remove(kept);
    stage().end_guard();
    const auto name = recover::fault_point_name("make_room", "empty_engine_log", place);
    ASSERT_TRUE(stage().start_guard(crash_at(mark, name)).has_value());
    ASSERT_TRUE(stage().await_ready().has_value());
    stage().note_broken();
    fill_by_log();
    ASSERT_TRUE(write_until_guard_died());
    ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark));
    ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(scene_, "wal_disk_full"));
    const auto end = runtime::read_file(kept, recover::kEngineLogKept);
    ASSERT_TRUE(end.has_value());
    EXPECT_TRUE(end->contains(kLastWords));
    EXPECT_EQ(engine_->log_file("pg"), log);
    EXPECT_TRUE(runtime::inode_of(log) == *inode);
    EXPECT_LT(fs::file_size(log), recover::kEngineLogKept) << "no sparse file is left either";
  }
}

}  // namespace
}  // namespace pgkeel::chaos
