// A server in a container with an archive and a shadow: its volume removed, made again and written
// to at once by an app that knows nothing of it.
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include <fmt/format.h>

#include "chaos/container_scene.hpp"
#include "chaos/crash.hpp"
#include "client/replication.hpp"
#include "instance/data_dir.hpp"
#include "instance/fence.hpp"
#include "recover/executor.hpp"
#include "recover/playbook.hpp"
#include "runtime/files.hpp"
#include "runtime/process.hpp"
#include "shadow/standby/status.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;
using incident::Incident;

bool follows(const app::Stage& stage) {
  const auto status =
      shadow::read_shadow_status(stage.config().state_dir / shadow::kShadowStatusFile);
  return status && status->state == shadow::ShadowState::Following;
}

bool taken_from_shadow(const Incident& incident) {
  return healed(incident) && std::ranges::any_of(incident.actions, [](const auto& action) {
           return action.note.contains("\"from\":\"shadow\"");
         });
}

auto loses(std::string words) {
  return [words = std::move(words)](const Incident& incident) {
    return std::ranges::any_of(incident.loss,
                               [&](const auto& loss) { return loss.contains(words); });
  };
}

class ContainerShadow : public ContainerScene {
 protected:
  void build_protected(const ContainerSpec& spec = {}, const char* missing_table = "advise") {
    ASSERT_NO_FATAL_FAILURE(build(spec, {{"PGKEEL_ARCHIVE_STORE", "archive"},
                                         {"PGKEEL_ARCHIVE_DURABILITY", "sync"},
                                         {"PGKEEL_SHADOW_ENABLED", "true"},
                                         {"PGKEEL_RECOVER_MISSING_TABLE", missing_table},
                                         {"PGKEEL_INSTANCE_BIN_DIR", "/nonexistent"}}));
    await_protected();
  }
  void await_protected() {
    ASSERT_TRUE(test::wait_until([this] { return is_synchronous(); }, kPatience));
    ASSERT_TRUE(test::wait_until([this] { return follows(stage()); }, 2 * kPatience));
  }
  bool is_synchronous() {
    const auto rows = stage().sql(
        "postgres", "select count(*) from pg_stat_replication where sync_state = 'sync'");
    return rows && rows->text(0, 0) == "1";
  }
  // `docker compose down -v`, by somebody who let go of the anchor as well.
  void down_with_volume() {
    engine_->stop("pg");
    engine_->remove("pg");
    engine_->remove("pgkeel-anchor-pg");
    ASSERT_EQ(engine_->remove_volume("pgdata"), 204);
  }
  // What an app does at its start: its tables, then its rows. How many it was acknowledged.
  int write_at_once(int most) {
    const bool made = test::wait_until(
        [this] { return stage().sql("postgres", "create table orders (id int)").has_value(); },
        kPatience);
    EXPECT_TRUE(made) << "the fresh cluster never took a table";
    int acknowledged = 0;
    for (int row = 0; row < most; ++row)
      if (stage().sql("postgres", fmt::format("insert into orders values ({})", row)))
        ++acknowledged;
    return acknowledged;
  }
  // The rows in what was set aside, asked of a server in a container of its own.
  std::string rows_kept_apart();
};

std::string ContainerShadow::rows_kept_apart() {
  fs::path aside;
  for (const auto& entry : fs::directory_iterator(engine_->volume("pgdata").parent_path()))
    if (instance::read_fence(entry.path())) aside = entry.path();
  if (aside.empty()) return "nothing was kept";
  ContainerSpec spec;
  spec.name = "kept";
  spec.volume = "kept";
  spec.port_offset = 1;
  engine_->run(spec);  // an engine gives a volume its owner and mode when it is first used
  engine_->stop("kept");
  fs::remove_all(engine_->volume("kept"));
  fs::rename(aside, engine_->volume("kept"));
  if (const auto lifted = instance::unfence_data(engine_->volume("kept")); !lifted)
    return lifted.error().message();
  engine_->start("kept");
  pg::Conninfo server;
  server.host = "127.0.0.1";
  server.port = std::to_string(engine_->port() + 1);
  server.user = "postgres";
  server.database = "postgres";
  std::string rows = "it does not answer";
  static_cast<void>(test::wait_until(
      [&] {
        auto session =
            client::ReplicationSession::open(server, {.mode = client::ReplicationMode::Sql});
        const auto counted = session ? session->run("select count(*)::text as rows from orders")
                                     : Result<client::TextRows>(fail(session.error()));
        if (!counted) rows = counted.error().message();
        else if (counted->at(0, "rows") != nullptr) rows = *counted->at(0, "rows");
        return counted.has_value();
      },
      kPatience));
  return rows;
}

TEST_F(ContainerShadow, OldDataIsBackAndNewRowsAreKept) {
  // Goal: issue 7: `down -v` and `up` with an app that writes at once: the old data is back out of
  // the shadow with every acknowledged row, what the app wrote meanwhile is counted, reported and
  // kept, and there is another shadow; the host has no PostgreSQL of its own (A3 C1 D7 D14 X2).
  ASSERT_NO_FATAL_FAILURE(build_protected());
  stage().note_broken();
  stage().end_guard();
  ASSERT_NO_FATAL_FAILURE(down_with_volume());
  engine_->run({});
  constexpr int kRows = 40;
  const int acknowledged = write_at_once(kRows);
  EXPECT_EQ(acknowledged, kRows);
  ASSERT_TRUE(stage().start_guard().has_value());
  ASSERT_TRUE(await_incident(stage(), "fresh_cluster", taken_from_shadow));
  EXPECT_TRUE(await_incident(stage(), "fresh_cluster",
                             loses(fmt::format("{} rows in 1 table,", acknowledged))));
  ASSERT_TRUE(service_restored(scene_));
  ASSERT_NO_FATAL_FAILURE(await_protected());
  EXPECT_EQ(rows_kept_apart(), std::to_string(acknowledged));
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(ContainerShadow, AnEngineThatRestartsItOverLostDataIsNotInTheWay) {
  // Goal: issue 7: the data is removed under the server, and the engine starts its container again
  // and again: whatever its entry point makes there is not taken for the database, nor does it get
  // in the way of the known data, which is back with every acknowledged row (C2 D7 D14 X2).
  ContainerSpec spec;
  spec.restart = "always";
  ASSERT_NO_FATAL_FAILURE(build_protected(spec));
  stage().note_broken();
  const auto server = postmaster_pid(stage());
  for (const auto& entry : fs::directory_iterator(engine_->volume("pgdata")))
    fs::remove_all(entry.path());
  ASSERT_EQ(::kill(server, SIGKILL), 0);
  ASSERT_TRUE(await_any_incident(stage(), taken_from_shadow))
      << runtime::read_file_tail(engine_->log_file("pg"), 1U << 14U).value_or("no log");
  ASSERT_TRUE(service_restored(scene_));
  ASSERT_NO_FATAL_FAILURE(await_protected());
}

TEST_F(ContainerShadow, ADroppedTableComesBackOnceAnAppAsksForIt) {
  // Goal: A1 X1: the server logs to its engine alone: nobody asks, and it stays dropped; an app
  // asks, and the guard brings it back out of the shadow.
  ASSERT_NO_FATAL_FAILURE(build_protected({}, "restore"));
  stage().note_broken();
  ASSERT_TRUE(stage().sql("shop", "drop table orders cascade").has_value());
  const auto told = [](const Incident& incident) {
    return incident.state == incident::IncidentState::Waiting && incident.actions.empty();
  };
  ASSERT_TRUE(await_incident(stage(), "table_dropped", told));
  const auto is_there = [this] {
    const auto rows = stage().sql("shop", "select to_regclass('orders') is not null");
    return rows && rows->text(0, 0) == "t";
  };
  EXPECT_FALSE(test::wait_until(is_there, kStaysDown));
  EXPECT_FALSE(stage().sql("shop", "select from orders"));
  ASSERT_TRUE(await_incident(stage(), "table_dropped", [](const Incident& incident) {
    return healed(incident) && std::ranges::any_of(incident.actions, [](const auto& action) {
             return action.note.contains("out of the shadow");
           });
  }));
  EXPECT_TRUE(is_there());
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(ContainerShadow, ADroppedTableComesBackByTheImagesPrograms) {
  // Goal: X1: a table that was dropped in a container's server is read out of the shadow, which
  // runs in a container too, by the image's own psql and pg_dump: the host has none.
  ASSERT_NO_FATAL_FAILURE(build_protected());
  const auto sum = [this] {
    const auto rows =
        stage().sql("shop", "select md5(string_agg(o::text, chr(10) order by id)) from orders o");
    return rows ? std::string(rows->text(0, 0).value_or("")) : rows.error().message();
  };
  const auto before = sum();
  ASSERT_TRUE(stage().sql("shop", "drop table orders cascade").has_value());
  runtime::ProcessSpec spec;
  spec.argv = {"unshare",
               "--mount",
               "sh",
               "-c",
               "mount -t tmpfs none /usr/lib/postgresql && exec \"$@\"",
               "sh",
               PGKEEL_BINARY,
               "undrop",
               "shop.public.orders",
               "--json",
               "--config",
               (stage().directory() / "pgkeel.toml").string()};
  spec.environment = stage().environment();
  spec.working_dir = stage().directory();
  const auto ran = stage().loop().run_until_complete(
      runtime::run_process(stage().loop(), std::move(spec), stage().loop().after(kPatience)));
  ASSERT_TRUE(ran && ran->exit.ok()) << (ran ? ran->out + ran->err : ran.error().message());
  EXPECT_THAT(ran->out, testing::HasSubstr("\"from\":\"shadow\"")) << ran->err;
  EXPECT_THAT(ran->err, testing::HasSubstr("of=\"image "));
  EXPECT_EQ(sum(), before);
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(ContainerShadow, WhereNothingCanBeRestoredTheFreshClusterStays) {
  // Goal: rule 1: the archive has no backup (any more): nothing is moved, the fresh cluster stays
  // fenced where it is, so that 'pgkeel unfence' gives it back; with the backup the known data is.
  ASSERT_NO_FATAL_FAILURE(build_protected());
  const fs::path backups = fs::path(stage().config().archive.store.where) / "backups";
  stage().note_broken();
  stage().end_guard();
  fs::rename(backups, backups.string() + ".away");
  ASSERT_NO_FATAL_FAILURE(down_with_volume());
  engine_->run({});
  ASSERT_EQ(write_at_once(1), 1);
  ASSERT_TRUE(stage().start_guard().has_value());
  const auto place = engine_->volume("pgdata");
  ASSERT_TRUE(await_incident(stage(), "fresh_cluster", [&place](const Incident& incident) {
    return incident.state == incident::IncidentState::Waiting &&
           instance::read_fence(place).has_value();
  }));
  fs::rename(backups.string() + ".away", backups);
  ASSERT_TRUE(stage().client().post("/api/v1/resume", app::Json::object()).has_value());
  ASSERT_TRUE(await_healed(stage(), "fresh_cluster"));
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(ContainerShadow, CrashWalkOfReplacingFromTheArchive) {
  // Goal: a guard killed anywhere while it restores over a fresh cluster is followed by one that
  // has every acknowledged row serve again (C2 D6 E6 X2).
  ASSERT_NO_FATAL_FAILURE(build_protected());
  for (const auto* step :
       {"stop_fresh_cluster", "restore_beside_fresh", "set_aside_occupant", "place_known_data"})
    for (const auto place : kPlaces) {
      const auto name = recover::fault_point_name("replace_fresh_cluster", step, place);
      SCOPED_TRACE(name);
      const auto mark = stage().directory() / "mark";
      fs::remove(mark);
      stage().end_guard();
      ASSERT_TRUE(stage().start_guard(crash_at(mark, name)).has_value());
      ASSERT_TRUE(stage().await_ready().has_value());
      stage().note_broken();
      ASSERT_NO_FATAL_FAILURE(down_with_volume());
      engine_->run({});
      ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark));
      ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(scene_, "fresh_cluster"));
      ASSERT_NO_FATAL_FAILURE(await_protected());
    }
}

}  // namespace
}  // namespace pgkeel::chaos
