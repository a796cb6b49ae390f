// A copy that was made of nothing but the archive and cannot be replayed says something about the
// archive: that is told, while another copy is made.
#include <csignal>
#include <fstream>

#include "chaos/archived.hpp"
#include "instance/lock.hpp"
#include "shadow/standby/status.hpp"
#include "support/proc_scan.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

std::optional<shadow::ShadowStatus> shadow_of(const app::Stage& stage) {
  auto read = shadow::read_shadow_status(stage.config().state_dir / shadow::kShadowStatusFile);
  return read ? std::optional(*std::move(read)) : std::nullopt;
}

bool follows(const app::Stage& stage) {
  const auto status = shadow_of(stage);
  return status && status->state == shadow::ShadowState::Following;
}

// While no guard is there: its process and its server die, and what they had on their disk is no
// longer what was written there.
void damage(app::Stage& stage, const shadow::ShadowStatus& status) {
  stage.end_guard();
  ASSERT_GT(status.pid, 0);
  ASSERT_EQ(::kill(status.pid, SIGKILL), 0);
  const auto server = instance::find_postmaster(status.data_dir);
  ASSERT_TRUE(server);
  ASSERT_EQ(::kill(server->pid, SIGKILL), 0);
  ASSERT_TRUE(test::wait_until([&] { return test::pids_in(status.data_dir).empty(); }, kPatience));
  std::ofstream(fs::path(status.data_dir) / "global/pg_control") << "damaged";
  ASSERT_TRUE(stage.start_guard().has_value());
}

TEST(ShadowTrouble, ACopyThatCannotBeReplayedIsAnIncident) {
  // Goal: a failure of replay is an incident of its own, and the next copy follows by itself (D7).
  Archived archived({{"PGKEEL_SHADOW_ENABLED", "true"}});
  ASSERT_TRUE(archived.built());
  auto& stage = archived.stage();
  ASSERT_TRUE(archived.await_backup());
  add_writer(archived.scene());
  ASSERT_TRUE(test::wait_until([&] { return follows(stage); }, 2 * kPatience));
  const auto first = shadow_of(stage);
  ASSERT_NO_FATAL_FAILURE(damage(stage, *first));
  ASSERT_TRUE(await_incident(stage, "archive_failing", [](const incident::Incident& incident) {
    return incident.subject == "archive.shadow" &&
           incident.state == incident::IncidentState::Waiting;
  }));
  ASSERT_TRUE(test::wait_until(
      [&] { return follows(stage) && shadow_of(stage)->pid != first->pid; }, 2 * kPatience));
  ASSERT_TRUE(service_restored(archived.scene()));
}

}  // namespace
}  // namespace pgkeel::chaos
