// The slot of a receiver that is no more: the guard that once kept an archive, and keeps none now,
// drops it before it fills the disk; one of the same name that is somebody else's stays.
#include <limits>

#include <fmt/format.h>

#include "archive/receive/receive.hpp"
#include "archive/receive/status.hpp"
#include "chaos/clients.hpp"
#include "chaos/crash.hpp"
#include "recover/executor.hpp"
#include "runtime/files.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

using incident::Incident;

constexpr std::string_view kCause = "slot_abandoned";
constexpr int kNobody = 0x3ffffffe;  // no machine has so many processes

class OwnSlot : public testing::Test {
 protected:
  void SetUp() override {
    scene_ = build_small_server({});
    ASSERT_TRUE(scene_.stage);
    add_writer(scene_);
    ASSERT_TRUE(service_restored(scene_));
    ASSERT_TRUE(stage().sql("postgres", "alter system set max_slot_wal_keep_size = '1MB'"));
    ASSERT_TRUE(stage().sql("postgres", "select pg_reload_conf()"));
  }
  app::Stage& stage() { return *scene_.stage; }
  [[nodiscard]] std::string slots() {
    return ask(stage(), "select count(*) from pg_replication_slots");
  }
  // Left unread for longer than the server keeps WAL for it.
  void leave_slot() {
    stage().note_broken();
    ASSERT_TRUE(stage().sql("postgres",
                            fmt::format("select pg_create_physical_replication_slot('{}', true)",
                                        archive::kReceiverName)));
    const auto past = [this] {
      EXPECT_TRUE(stage().sql("postgres", "select pg_logical_emit_message(false, '', '')"));
      EXPECT_TRUE(stage().sql("postgres", "select pg_switch_wal()"));
      EXPECT_TRUE(stage().sql("postgres", "checkpoint"));
      const auto status = ask(stage(), "select wal_status from pg_replication_slots");
      return status != "reserved" && status != "extended";
    };
    ASSERT_TRUE(test::wait_until(past, kPatience));
  }
  // As a receiver of this guard's leaves it, when the archive is given up.
  void leave_receivers_word() {
    archive::ReceiveStatus status;
    status.pid = kNobody;
    status.state = archive::ReceiveState::Stopped;
    const auto control = stage().instance().inspect_data_dir().control;
    ASSERT_TRUE(control);
    status.system_id = control->system_id;
    status.flushed_lsn = Lsn(std::numeric_limits<std::int64_t>::max());
    ASSERT_TRUE(runtime::write_file_atomic(stage().config().state_dir / archive::kReceiveStatusFile,
                                           archive::to_json(status))
                    .has_value());
  }

  Scene scene_;
};

TEST_F(OwnSlot, IsDroppedWhereThisGuardsReceiverMadeIt) {
  // Goal: K9: a slot of the receiver's name stays where no receiver of ours made it, and goes where
  // one did and lives no more; a guard killed at any place of it is followed by one that finishes
  // (A6 D6 X8).
  ASSERT_NO_FATAL_FAILURE(leave_slot());
  ASSERT_TRUE(await_incident(stage(), kCause, [](const Incident& incident) {
    return std::ranges::any_of(incident.actions, [](const auto& action) {
      return action.note.contains("this guard never had a receiver");
    });
  }));
  EXPECT_EQ(slots(), "1");
  ASSERT_TRUE(stage().sql(
      "postgres", fmt::format("select pg_drop_replication_slot('{}')", archive::kReceiverName)));
  ASSERT_TRUE(await_healed(stage(), kCause));
  ASSERT_NO_FATAL_FAILURE(leave_receivers_word());
  for (const auto place : kPlaces) {
    SCOPED_TRACE(place);
    const auto mark = stage().directory() / "mark";
    fs::remove(mark);
    stage().end_guard();
    ASSERT_TRUE(stage()
                    .start_guard(crash_at(
                        mark, recover::fault_point_name("drop_own_slot", "drop_own_slot", place)))
                    .has_value());
    ASSERT_TRUE(stage().await_ready().has_value());
    ASSERT_NO_FATAL_FAILURE(leave_slot());
    ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark));
    // A new guard takes two looks to know that nobody reads it.
    ASSERT_TRUE(stage().start_guard().has_value());
    ASSERT_TRUE(test::wait_until([&] { return slots() == "0"; }, kPatience));
    ASSERT_TRUE(await_healed(stage(), kCause));
    ASSERT_TRUE(service_restored(scene_));
  }
}

}  // namespace
}  // namespace pgkeel::chaos
