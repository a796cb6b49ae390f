// What a running server meets on its disks: no room for data, for WAL, in /dev/shm; a damaged page,
// a damaged index. Each is named by the guard with whatever it is, and by doctor too; nothing is
// repaired over a damaged page, and service is what it was once there is room.
#include <fmt/format.h>
#include <sys/mount.h>

#include <fstream>

#include "chaos/crash.hpp"
#include "chaos/doctor.hpp"
#include "chaos/volume.hpp"
#include "instance/data_dir.hpp"
#include "recover/executor.hpp"
#include "recover/playbook.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

using incident::Incident;

auto of_subject(std::string words) {
  return [words = std::move(words)](const Incident& incident) {
    return incident.subject.contains(words);
  };
}

// /dev/shm as a container has it, only smaller; for what is started while it stands.
struct SmallSharedMemory {
  ~SmallSharedMemory() {
    if (mounted) ::umount2("/dev/shm", MNT_DETACH);
  }
  bool mounted = ::mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=4m,mode=1777") == 0;
};

class Disks : public testing::Test {
 protected:
  void build(const app::GuardEnvironment& environment = {}) {
    scene_ = build_scene(environment);
    ASSERT_TRUE(scene_.stage);
    add_writer(scene_);
    ASSERT_TRUE(service_restored(scene_));
    stage().note_broken();
  }
  void TearDown() override {
    if (HasFailure() && scene_.stage) stage().keep();
    scene_ = {};  // before the mounts its server stands on
    volume_.reset();
  }
  app::Stage& stage() { return *scene_.stage; }
  // All that is free, but for a little.
  static void fill(const fs::path& file) {
    constexpr std::uintmax_t kPiece = 1U << 20U;
    const std::string piece(kPiece, 'x');
    std::ofstream out(file);
    while (out && fs::space(file.parent_path()).available > 2 * kPiece) out << piece << std::flush;
  }
  void run(std::string_view statement) {
    const auto done = stage().sql("postgres", std::string(statement));
    ASSERT_TRUE(done.has_value()) << statement << ": " << done.error().message();
  }

  test::TempDir dir_;
  std::optional<Volume> volume_;
  Scene scene_;
};

TEST_F(Disks, AFullTablespaceIsNamedWithItsPlace) {
  // Goal: K6: one disk of several is full, the rest serves on; over when there is room (A5 C2).
  if (!own_mounts()) GTEST_SKIP() << "needs root and mount namespaces";
  const auto& volume = volume_.emplace(dir_.path(), "4m");
  ASSERT_TRUE(volume.attach());
  ASSERT_NO_FATAL_FAILURE(build());
  const auto owner = stage().instance().inspect_data_dir().owner;
  ASSERT_TRUE(owner);
  ASSERT_EQ(::chown(volume.place().c_str(), owner->uid, owner->gid), 0);
  run(fmt::format("create tablespace small location '{}'", volume.place().string()));
  run("create table filling (v int) tablespace small");  // not one with a TOAST table: that takes
                                                         // room
  EXPECT_FALSE(stage().sql("postgres", "insert into filling select generate_series(1, 300000)"));
  ASSERT_TRUE(await_incident(stage(), "disk_full", of_subject("disk.tablespace")));
  EXPECT_TRUE(doctor_names(stage(), "disk_full"));
  run("truncate filling");
  run("checkpoint");
  ASSERT_TRUE(await_healed(stage(), "disk_full"));
  EXPECT_TRUE(service_restored(scene_));
}

TEST_F(Disks, AFullWalDiskIsNamedAndNotFoughtUntilThereIsRoom) {
  // Goal: K7: the server panics for want of WAL space; nothing in pg_wal is touched, and with room
  // it is back with every row (A3 C2).
  if (!own_mounts()) GTEST_SKIP() << "needs root and mount namespaces";
  const auto& volume = volume_.emplace(dir_.path(), "256m");
  ASSERT_TRUE(volume.attach());
  ASSERT_NO_FATAL_FAILURE(build({{"PGKEEL_INSTANCE_DATA_DIR", volume.place() / "data"}}));
  const auto ballast = volume.place() / "ballast";
  const auto room = fs::space(volume.place()).available;
  std::ofstream(ballast) << std::string(room, 'x');
  // Segment after segment, until there is no room for the next one.
  const auto named = [&] {
    static_cast<void>(stage().sql("postgres",
                                  "select pg_logical_emit_message(true, 'fill', "
                                  "repeat('x', 4000000)), pg_switch_wal()"));
    return incident_of(stage(), "wal_disk_full").has_value();
  };
  ASSERT_TRUE(test::wait_until(named, kPatience));
  EXPECT_TRUE(doctor_names(stage(), "wal_disk_full", Named::Somewhere));
  fs::remove(ballast);
  ASSERT_TRUE(await_healed(stage(), "wal_disk_full"));
  EXPECT_TRUE(service_restored(scene_));
}

TEST_F(Disks, AFullDiskIsServedFromItsBallast) {
  // Goal: D8: the room kept in reserve is given up when the disk is full, and the server is back by
  // itself; a guard killed at any place of it is followed by one that finishes; made again when
  // there is room (A6 D8 E8).
  if (!own_mounts()) GTEST_SKIP() << "needs root and mount namespaces";
  const auto& volume = volume_.emplace(dir_.path(), "1g");
  ASSERT_TRUE(volume.attach());
  ASSERT_NO_FATAL_FAILURE(build({{"PGKEEL_INSTANCE_DATA_DIR", volume.place() / "data"},
                                 {"PGKEEL_RECOVER_BALLAST", "80MB"},
                                 {"PGKEEL_RECOVER_RESTARTS", "500 per 300s"}}));
  // The WAL goes beyond this when checkpoints are slow, and the ballast is only made where four
  // times as much is free: hence the size of the volume. Rows are counted while the disk is full.
  for (const auto* setting :
       {"max_wal_size = '64MB'", "min_wal_size = '32MB'", "work_mem = '256MB'"})
    run(fmt::format("alter system set {}", setting));
  run("select pg_reload_conf()");
  const auto ballast = volume.place() / "data.pgkeel-ballast";
  const auto filling = volume.place() / "somebody's";
  for (const auto& step : recover::playbook_by_name("make_room").steps)
    for (const auto place : kPlaces) {
      if (step.name == "empty_engine_log") continue;  // there is no engine here
      const auto name = recover::fault_point_name("make_room", step.name, place);
      SCOPED_TRACE(name);
      ASSERT_TRUE(test::wait_until([&] { return fs::exists(ballast); }, kPatience));
      const auto mark = stage().directory() / "mark";
      fs::remove(mark);
      stage().end_guard();
      ASSERT_TRUE(stage().start_guard(crash_at(mark, name)).has_value());
      ASSERT_TRUE(stage().await_ready().has_value());
      stage().note_broken();
      fill(filling);
      // Not into the room given up: that is the server's to start in.
      const auto crashed = [&] {
        if (fs::exists(ballast))
          static_cast<void>(stage().sql("postgres",
                                        "select pg_logical_emit_message(true, 'fill', "
                                        "repeat('x', 4000000)), pg_switch_wal()"));
        return !stage().guard_alive();
      };
      ASSERT_TRUE(test::wait_until(crashed, kPatience));
      ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark));
      ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(scene_, "wal_disk_full"));
      EXPECT_FALSE(fs::exists(ballast));
      fs::remove(filling);
      run("checkpoint");
    }
  ASSERT_TRUE(test::wait_until([&] { return fs::exists(ballast); }, 2 * kPatience));
}

TEST_F(Disks, ASmallDevShmIsNamedAndNotTheDisk) {
  // Goal: D8: 53100 splits: a parallel query without shared memory is no full disk; queries run
  // without workers then, by whichever guard comes to the end of it (C2 D6 X8).
  if (!own_mounts()) GTEST_SKIP() << "needs root and mount namespaces";
  const SmallSharedMemory small;
  ASSERT_TRUE(small.mounted);
  ASSERT_NO_FATAL_FAILURE(build());
  run("create table wide as select i, repeat('x', 100) v from generate_series(1, 80000) i");
  run("analyze wide");
  const std::string parallel =
      "set parallel_setup_cost = 0; set parallel_tuple_cost = 0; set work_mem = '64MB'; set "
      "min_parallel_table_scan_size = 0; set enable_mergejoin = off; set enable_nestloop = off; "
      "select sum(length(a.v || b.v)) from wide a join wide b using (i)";
  EXPECT_FALSE(stage().sql("postgres", parallel));
  ASSERT_TRUE(await_incident(stage(), "shared_memory_full", of_subject("disk.shared_memory")));
  EXPECT_FALSE(incident_of(stage(), "disk_full"));
  EXPECT_TRUE(doctor_names(stage(), "shared_memory_full"));
  const auto lowered = [&] {
    const auto rows = stage().sql("postgres", "show max_parallel_workers_per_gather");
    return rows && rows->text(0, 0) == "0";
  };
  ASSERT_TRUE(test::wait_until(lowered, kPatience));
  EXPECT_TRUE(stage().sql("postgres", parallel)) << "without workers it comes to its end";
  for (const auto place : kPlaces) {
    SCOPED_TRACE(place);
    const auto mark = stage().directory() / "mark";
    fs::remove(mark);
    stage().end_guard();
    run("alter system reset max_parallel_workers_per_gather");
    run("select pg_reload_conf()");
    ASSERT_TRUE(test::wait_until([&] { return !lowered(); }, kPatience));
    ASSERT_TRUE(
        stage()
            .start_guard(crash_at(mark, recover::fault_point_name("lower_parallel_workers",
                                                                  "lower_parallel_workers", place)))
            .has_value());
    static_cast<void>(stage().sql("postgres", parallel));  // or it has seen the log already
    ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark));
    ASSERT_TRUE(stage().start_guard().has_value());
    ASSERT_TRUE(test::wait_until(lowered, kPatience));
  }
  EXPECT_TRUE(service_restored(scene_));
}

// Writes over a part of a relation's file while no page of it is in memory.
class Damage : public Disks {
 protected:
  fs::path file_of(const std::string& relation) {
    const auto rows = stage().sql("postgres", "select pg_relation_filepath('" + relation + "')");
    EXPECT_TRUE(rows.has_value());
    return stage().instance().data_dir() / std::string(rows->text(0, 0).value_or(""));
  }
  // What was read so far is forgotten with the server.
  void forget_pages() {
    run("checkpoint");
    kill_server(stage());
    ASSERT_TRUE(await_healed(stage(), "server_killed"));
    stage().note_broken();
  }
  static void overwrite(const fs::path& file, std::streamoff at, const std::string& bytes) {
    std::fstream page(file, std::ios::in | std::ios::out | std::ios::binary);
    page.seekp(at);
    page << bytes;
    ASSERT_TRUE(page.good());
  }
};

TEST_F(Damage, APageAndAnIndexAreNamedApart) {
  // Goal: K14 K16: the file of the damaged page, the name of the damaged index, which is made anew;
  // the rest serves on, and a guard that is started anew reads the page in the log (A5 C2 X5).
  ASSERT_NO_FATAL_FAILURE(build());
  run("create table flipped as select i, repeat('x', 100) v from generate_series(1, 2000) i");
  run("create table keyed (i int primary key)");
  run("insert into keyed select generate_series(1, 2000)");
  const auto page = file_of("flipped");
  const auto index = file_of("keyed_pkey");
  ASSERT_NO_FATAL_FAILURE(forget_pages());
  overwrite(page, 9000, "zz");
  overwrite(index, 8192, std::string(8192, '\0'));
  EXPECT_FALSE(stage().sql("postgres", "select count(v) from flipped"));
  EXPECT_FALSE(
      stage().sql("postgres", "set enable_seqscan = off; select i from keyed where i = 3"));
  ASSERT_TRUE(await_incident(stage(), "heap_corrupted", of_subject("base/")));
  ASSERT_TRUE(await_incident(stage(), "index_corrupted", [](const Incident& incident) {
    return incident.subject.contains("keyed_pkey") && healed(incident);
  }));
  EXPECT_TRUE(doctor_names(stage(), "heap_corrupted"));
  ASSERT_TRUE(stage().kill_guard().has_value());
  ASSERT_TRUE(stage().start_guard().has_value());
  const auto degraded = [&] {
    const auto status = stage().client().get("/api/v1/status");
    return status && app::text_of(*status, "state") == "degraded";
  };
  EXPECT_TRUE(test::wait_until(degraded, kPatience));
  EXPECT_FALSE(healed(*incident_of(stage(), "heap_corrupted")));
  EXPECT_TRUE(service_restored(scene_));
}

}  // namespace
}  // namespace pgkeel::chaos
