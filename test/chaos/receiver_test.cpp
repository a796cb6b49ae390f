// The WAL receiver lives beside the guard: it outlasts it, is adopted by the next one, and comes
// back when it dies.
#include <csignal>

#include <nlohmann/json.hpp>

#include "archive/receive/receive.hpp"
#include "archive/receive/status.hpp"
#include "chaos/archived.hpp"
#include "chaos/chaos.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"
#include "runtime/process.hpp"

namespace pgkeel::chaos {
namespace {

class Receiving : public testing::Test {
 protected:
  void SetUp() override { build({{"PGKEEL_ARCHIVE_STORE", "archive"}}); }
  void build(app::GuardEnvironment environment) {
    scene_ = build_scene(std::move(environment));
    ASSERT_TRUE(scene_.stage);
  }
  [[nodiscard]] std::optional<archive::ReceiveStatus> status() const {
    auto read = archive::read_receive_status(scene_.stage->config().state_dir /
                                             archive::kReceiveStatusFile);
    return read ? std::optional(*std::move(read)) : std::nullopt;
  }
  // The pid of a receiver that streams and is not `other`; 0: none does.
  [[nodiscard]] int await_streaming(int other = 0) const {
    int pid = 0;
    static_cast<void>(test::wait_until(
        [&] {
          const auto now = status();
          if (!now || now->state != archive::ReceiveState::Streaming || now->pid == other)
            return false;
          pid = now->pid;
          return true;
        },
        kPatience));
    return pid;
  }

  Scene scene_;
};

TEST_F(Receiving, OutlivesTheGuardAndIsAdopted) {
  // A killed guard leaves the receiver streaming; the next guard adopts the same one, and starts
  // another when that is killed (D6 D7).
  auto& stage = *scene_.stage;
  const auto first = await_streaming();
  ASSERT_NE(first, 0);
  ASSERT_TRUE(stage.kill_guard().has_value());
  const auto process = runtime::ProcessHandle::open(first);
  ASSERT_TRUE(process && process->alive());
  ASSERT_TRUE(stage.start_guard().has_value());
  ASSERT_TRUE(stage.await_ready().has_value());
  EXPECT_TRUE(process->alive());
  EXPECT_EQ(status()->pid, first);
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  const auto second = await_streaming(first);
  EXPECT_NE(second, 0);
  EXPECT_NE(second, first);
}

TEST_F(Receiving, FollowsTheServerThroughARecovery) {
  // The server is killed and brought back by the guard: the same receiver goes on (D7).
  auto& stage = *scene_.stage;
  add_writer(scene_);
  const auto receiver = await_streaming();
  ASSERT_NE(receiver, 0);
  stage.note_broken();
  kill_server(stage);
  ASSERT_TRUE(await_healed(stage, "server_killed"));
  ASSERT_TRUE(service_restored(scene_));
  const auto lsn = stage.sql("postgres", "select pg_current_wal_flush_lsn()");
  ASSERT_TRUE(lsn);
  const auto written = parse_lsn(lsn->text(0, 0).value_or("")).value();
  EXPECT_TRUE(test::wait_until(
      [&] {
        const auto now = status();
        return now && now->pid == receiver && now->flushed_lsn >= written;
      },
      kPatience));
}

class SyncArchive : public Receiving {
 protected:
  void SetUp() override {
    build({{"PGKEEL_ARCHIVE_STORE", "archive"},
           {"PGKEEL_ARCHIVE_DURABILITY", "sync"},
           {"PGKEEL_ARCHIVE_SYNC_ON_LOSS", "degrade after 3s"}});
  }
  [[nodiscard]] bool await_names(std::string_view names) {
    return test::wait_until(
        [&] {
          const auto rows = scene_.stage->sql("postgres", "show synchronous_standby_names");
          return rows && rows->text(0, 0) == names;
        },
        kPatience);
  }
  // Somebody cancels a commit that waits for the archive.
  [[nodiscard]] bool cancel_a_wait() {
    return test::wait_until(
        [&] {
          const auto rows = scene_.stage->sql("postgres",
                                              "select pg_cancel_backend(pid) from pg_stat_activity "
                                              "where wait_event = 'SyncRep'");
          return rows && !rows->empty();
        },
        kPatience);
  }
  [[nodiscard]] std::int64_t canceled_waits() const {
    const auto status = scene_.stage->client().get("/api/v1/status");
    if (!status || !(*status)["archive"].is_object()) return -1;
    return (*status)["archive"].value("sync_waits_canceled", std::int64_t{-1});
  }
  [[nodiscard]] bool await_armed_fact() {
    return test::wait_until([&] { return !fact("archive.sync_armed").empty(); }, kPatience);
  }
  [[nodiscard]] bool caught_up() {
    const auto rows = scene_.stage->sql("postgres",
                                        "select count(*) from pg_stat_replication where "
                                        "flush_lsn >= pg_current_wal_flush_lsn()");
    return rows && rows->text(0, 0) == "1";
  }
  [[nodiscard]] std::string fact(std::string_view name) {
    const auto store = incident::Store::open_read_only(scene_.stage->config().state_dir);
    return store ? incident::Ledger(**store).fact(name).value_or("") : "";
  }
  [[nodiscard]] std::string unprotected() { return fact("archive.unprotected"); }
};

TEST(ArchiveFailing, ADrillThatFailsIsAnIncident) {
  // Goal: a backup that cannot be proven calls a human, with the words of the drill; the server of
  // an embedded instance is not left with a slot that could fill its disk; figures say how old the
  // backup is (A10 D15 E8).
  Archived archived({{"PGKEEL_ARCHIVE_DRILL_DIR", "/dev/null/nowhere"}});
  ASSERT_TRUE(archived.built());
  auto& stage = archived.stage();
  stage.note_broken();
  ASSERT_TRUE(archived.await_backup());
  add_writer(archived.scene());
  ASSERT_TRUE(await_incident(stage, "archive_failing", [](const incident::Incident& incident) {
    return incident.subject == "archive.drill" &&
           incident.state == incident::IncidentState::Waiting &&
           incident.summary.contains("drill failed");
  }));
  const auto limit = stage.sql("postgres", "show max_slot_wal_keep_size");
  ASSERT_TRUE(limit);
  EXPECT_NE(limit->text(0, 0), "-1");
  const auto status = stage.client().get("/api/v1/status");
  ASSERT_TRUE(status);
  EXPECT_TRUE((*status)["archive"]["last_backup_at"].is_string());
  EXPECT_TRUE((*status)["archive"]["restorable_until"].is_string());
  EXPECT_EQ((*status)["archive"]["backups"], 1);
  EXPECT_TRUE(service_restored(archived.scene()));
}

TEST_F(SyncArchive, GivesWayToAReceiverThatHangsAndComesBack) {
  // A commit waits for the archive; when the receiver hangs, commits go on by policy within 15 s,
  // nothing restarts, and the interval is in the ledger and an incident that is over when a
  // receiver that is back protects again; a wait somebody cancelled is counted (D7 D10 E8).
  auto& stage = *scene_.stage;
  ASSERT_TRUE(await_names("pgkeel_receiver"));
  add_writer(scene_);
  ASSERT_TRUE(service_restored(scene_));
  const auto postmaster = postmaster_pid(stage);
  const auto receiver = status()->pid;
  stage.note_broken();
  ASSERT_EQ(::kill(receiver, SIGSTOP), 0);
  const auto hung_at = SteadyClock::now();
  ASSERT_TRUE(cancel_a_wait());
  ASSERT_TRUE(await_names(""));
  scene_.writer->mark();
  ASSERT_TRUE(service_restored(scene_));
  EXPECT_LT(SteadyClock::now() - hung_at, Seconds(15));
  ASSERT_EQ(::kill(receiver, SIGCONT), 0);
  ASSERT_TRUE(await_names("pgkeel_receiver"));
  EXPECT_TRUE(service_restored(scene_));
  EXPECT_EQ(postmaster_pid(stage), postmaster);
  EXPECT_EQ(scene_.writer->tally().errors, 0);
  EXPECT_TRUE(test::wait_until([&] { return canceled_waits() >= 1; }, kPatience));
  ASSERT_TRUE(await_healed(stage, "commits_unprotected"));
  // Told by whoever sets the names, which is not who sees that they are set.
  ASSERT_TRUE(await_incident(stage, "commits_unprotected", [](const incident::Incident& incident) {
    return incident.subject == "archive.sync" &&
           std::ranges::any_of(incident.events, [](const incident::Event& event) {
             return event.text.contains("commits are protected again");
           });
  }));
  stage.end_guard();
  EXPECT_THAT(unprotected(), testing::HasSubstr("\"until\":\"20"));
}

TEST_F(SyncArchive, IsTakenUpAgainWhenSomebodyEmptiesIt) {
  // The setting is emptied by hand: the time without protection is kept, and ends when commits wait
  // for the archive again (D7 E8).
  auto& stage = *scene_.stage;
  ASSERT_TRUE(await_names("pgkeel_receiver"));
  ASSERT_TRUE(await_armed_fact());
  ASSERT_TRUE(stage.sql("postgres", "alter system set synchronous_standby_names = ''"));
  ASSERT_TRUE(stage.sql("postgres", "select pg_reload_conf()"));
  ASSERT_TRUE(test::wait_until([&] { return unprotected().contains("emptied"); }, kPatience));
  ASSERT_TRUE(await_names("pgkeel_receiver"));
  EXPECT_TRUE(
      test::wait_until([&] { return unprotected().contains("\"until\":\"20"); }, kPatience));
}

TEST_F(SyncArchive, PausedItGivesWayAndTakesNothingUp) {
  // A receiver that hangs while the guard is paused does not hang the app, and the setting is left
  // alone until the guard is resumed (D7).
  auto& stage = *scene_.stage;
  ASSERT_TRUE(await_names("pgkeel_receiver"));
  add_writer(scene_);
  const auto receiver = status()->pid;
  ASSERT_TRUE(stage.client().post("/api/v1/pause", app::Json::object()));
  ASSERT_EQ(::kill(receiver, SIGSTOP), 0);
  ASSERT_TRUE(await_names(""));
  ASSERT_EQ(::kill(receiver, SIGCONT), 0);
  ASSERT_NE(await_streaming(), 0);
  ASSERT_TRUE(stage.sql("postgres", "create table while_paused ()"));
  EXPECT_TRUE(test::wait_until([&] { return caught_up(); }, kPatience));
  EXPECT_TRUE(await_names(""));
  ASSERT_TRUE(stage.client().post("/api/v1/resume", app::Json::object()));
  EXPECT_TRUE(await_names("pgkeel_receiver"));
}

TEST_F(SyncArchive, DoesNotGiveWayToAShortBreak) {
  // A receiver that is killed is back before the policy's time: protection never ends (D7).
  ASSERT_TRUE(await_names("pgkeel_receiver"));
  add_writer(scene_);
  const auto first = await_streaming();
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  ASSERT_NE(await_streaming(first), 0);
  ASSERT_TRUE(service_restored(scene_));
  EXPECT_TRUE(await_names("pgkeel_receiver"));
  scene_.stage->end_guard();
  EXPECT_EQ(unprotected(), "");
}

}  // namespace
}  // namespace pgkeel::chaos
