// A server in a container of a real engine: killed, stopped on purpose, restarted by the engine,
// paused, removed, and replaced by a fresh cluster, under a real guard on the host.
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <future>
#include <sstream>

#include "archive/retention/expiry.hpp"
#include "archive/storage/open.hpp"
#include "chaos/container_scene.hpp"
#include "chaos/crash.hpp"
#include "chaos/doctor.hpp"
#include "incident/evidence_store.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"
#include "instance/engine.hpp"
#include "instance/fence.hpp"
#include "recover/executor.hpp"
#include "recover/playbook.hpp"
#include "runtime/files.hpp"

namespace pgkeel::chaos {
namespace {

using incident::Incident;
using incident::IncidentState;

bool waits(const Incident& incident) {
  return incident.state == IncidentState::Waiting && incident.actions.empty();
}
// A human is told these words, and nothing was tried.
auto waits_for(std::string words) {
  return [words = std::move(words)](const Incident& incident) {
    const auto says = [&](const incident::Event& event) { return event.text.contains(words); };
    return waits(incident) && std::ranges::any_of(incident.events, says);
  };
}
// The engine's own events are among the evidence.
auto engine_told(std::string words) {
  return [words = std::move(words)](const Incident& incident) {
    const auto tells = [&](const incident::Evidence& one) {
      return one.source == "engine" && one.text.contains(words);
    };
    return std::ranges::any_of(incident.evidence, tells);
  };
}
bool closed(const Incident& incident) { return incident.state == IncidentState::Closed; }

class Container : public ContainerScene {};

std::optional<incident::Identity> known_identity(app::Stage& stage) {
  const auto store = incident::Store::open_read_only(stage.config().state_dir);
  if (!store) return std::nullopt;
  return incident::Ledger(**store).identity().value_or(std::nullopt);
}

TEST_F(Container, WhatItServesInIsRemembered) {
  // Goal: image and libc of the server in the container are in the ledger, for the day they are
  // others (C2, D3).
  ASSERT_NO_FATAL_FAILURE(build());
  EXPECT_TRUE(test::wait_until(
      [&] {
        const auto known = known_identity(stage());
        return known && known->image_digest.starts_with("sha256:") &&
               known->libc == std::string("glibc ") + ::gnu_get_libc_version();
      },
      kPatience));
}

TEST_F(Container, KilledIsStartedAgain) {
  // Goal: the server's process is killed; with no restart policy the guard starts the container
  // (A2, A3, D3).
  ASSERT_NO_FATAL_FAILURE(build());
  kill_server(stage());
  ASSERT_TRUE(await_healed(stage(), "server_killed"));
  ASSERT_TRUE(service_restored(scene_));
}

// The first process is made the kernel's choice; a session then asks for more than there is.
void run_out_of_memory(app::Stage& stage) {
  const auto script = stage.directory() / "hog.sql";
  std::ofstream(script) << "do $$ begin perform pg_sleep(1); perform array_agg(md5(g::text))"
                           " from generate_series(1, 9000000) g; end $$;";
  const auto line = fmt::format("{}/psql -X -f {} \"{}\" >/dev/null 2>&1", kBinDir, script.string(),
                                stage.conninfo("shop").to_keyword_value());
  const auto hog = std::async(std::launch::async, [&line] { return std::system(line.c_str()); });
  const auto pid = postmaster_pid(stage);
  ASSERT_NE(pid, 0);
  ASSERT_TRUE(test::wait_until(
      [&] {
        const auto sleeping = stage.sql("shop",
                                        "select count(*) from pg_stat_activity"
                                        " where wait_event = 'PgSleep'");
        return sleeping && sleeping->int64(0, 0) == 1;
      },
      kPatience));
  stage.note_broken();
  std::ofstream("/proc/" + std::to_string(pid) + "/oom_score_adj") << 1000 << std::flush;
  hog.wait();
}

TEST_F(Container, KilledForWantOfMemory) {
  // Goal: the kernel kills the container's first process: named with the kernel's words, begun
  // again, nothing acknowledged lost; killed beyond the budget, it is said to be a loop, with the
  // line that raises the limit (A2, C2, D3).
  if (::access("/dev/kmsg", R_OK) != 0) GTEST_SKIP() << "needs the kernel's log";
  ContainerSpec spec;
  spec.memory_mb = 192;
  ASSERT_NO_FATAL_FAILURE(build(spec, {{"PGKEEL_RECOVER_RESTARTS", "1 per 300s"}}));
  ASSERT_NO_FATAL_FAILURE(run_out_of_memory(stage()));
  ASSERT_TRUE(await_healed(stage(), "oom_killed"));
  ASSERT_TRUE(service_restored(scene_));
  ASSERT_NO_FATAL_FAILURE(run_out_of_memory(stage()));
  ASSERT_TRUE(await_incident(stage(), "oom_killed",
                             waits_for("it is a loop: started again, it runs out of memory")));
  ASSERT_TRUE(await_incident(stage(), "oom_killed", waits_for("docker update --memory 384m")));
  ASSERT_TRUE(stage().client().post("/api/v1/resume", app::Json::object()).has_value());
  ASSERT_TRUE(await_healed(stage(), "oom_killed"));
  ASSERT_TRUE(service_restored(scene_));
}

// As the kernel has it, in either hierarchy of control groups.
std::string memory_limit_of(pid_t pid) {
  const auto groups = runtime::read_file(fmt::format("/proc/{}/cgroup", pid), 1U << 16U);
  std::istringstream lines(groups.value_or(""));
  for (std::string line; std::getline(lines, line);) {
    const auto path = line.substr(line.rfind(':') + 1);
    const bool v1 = line.contains(":memory:");
    const auto file = v1 ? "/sys/fs/cgroup/memory" + path + "/memory.limit_in_bytes"
                         : "/sys/fs/cgroup" + path + "/memory.max";
    if (auto limit = runtime::read_file(file, 100)) return *limit;
  }
  return "";
}

TEST_F(Container, ItsMemoryLimitIsChangedWhileItRuns) {
  // Goal: the engine's call reaches the kernel, and the server runs on (D3).
  ContainerSpec spec;
  spec.memory_mb = 192;
  ASSERT_NO_FATAL_FAILURE(engine_->run(spec));
  runtime::Loop loop;
  const instance::Engine engine(loop, engine_->socket());
  const auto pid = [&] { return loop.run_until_complete(engine.inspect("pg"))->pid; };
  const auto before = pid();
  EXPECT_EQ(memory_limit_of(before), "201326592\n");
  const auto done = loop.run_until_complete(engine.update_memory("pg", {1 << 28, 1 << 28}));
  ASSERT_TRUE(done.has_value()) << done.error().message();
  EXPECT_EQ(memory_limit_of(before), "268435456\n");
  EXPECT_EQ(pid(), before);
}

TEST_F(Container, ALoopForWantOfMemoryIsGivenRoom) {
  // Goal: K1: killed for want of memory once, it is only started again; the second time within an
  // hour its limit is doubled, as far as the policy allows, and no further (A6 D5 D10).
  if (::access("/dev/kmsg", R_OK) != 0) GTEST_SKIP() << "needs the kernel's log";
  ContainerSpec spec;
  spec.memory_mb = 192;
  ASSERT_NO_FATAL_FAILURE(build(spec, {{"PGKEEL_RECOVER_MEMORY_LIMIT", "1GB"}}));
  ASSERT_NO_FATAL_FAILURE(run_out_of_memory(stage()));
  ASSERT_TRUE(await_healed(stage(), "oom_killed"));
  EXPECT_EQ(memory_limit_of(postmaster_pid(stage())), "201326592\n");
  ASSERT_TRUE(service_restored(scene_));
  ASSERT_NO_FATAL_FAILURE(run_out_of_memory(stage()));
  ASSERT_TRUE(await_healed(stage(), "oom_killed"));
  EXPECT_EQ(memory_limit_of(postmaster_pid(stage())), "402653184\n");
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(Container, ALoopForWantOfMemoryLowersWorkMem) {
  // Goal: K35: where no limit may be raised, work_mem is halved, once a kill, never below the
  // floor, and the step says how it is taken back (A6 D5).
  if (::access("/dev/kmsg", R_OK) != 0) GTEST_SKIP() << "needs the kernel's log";
  ContainerSpec spec;
  spec.memory_mb = 192;
  ASSERT_NO_FATAL_FAILURE(build(spec));
  const auto work_mem = [&] {
    const auto rows = stage().sql("postgres", "show work_mem");
    return rows ? std::string(rows->text(0, 0).value_or("")) : rows.error().message();
  };
  ASSERT_NO_FATAL_FAILURE(run_out_of_memory(stage()));
  ASSERT_TRUE(await_healed(stage(), "oom_killed"));
  EXPECT_EQ(work_mem(), "4MB");
  ASSERT_NO_FATAL_FAILURE(run_out_of_memory(stage()));
  ASSERT_TRUE(await_healed(stage(), "oom_killed"));
  EXPECT_EQ(work_mem(), "2MB");
  EXPECT_TRUE(await_incident(stage(), "oom_killed", [](const Incident& incident) {
    return std::ranges::any_of(incident.actions, [](const incident::Action& action) {
      return action.note.contains("ALTER SYSTEM RESET work_mem");
    });
  }));
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(Container, CrashWalkOfRelieveMemory) {
  // Goal: a guard killed at its own steps against a lack of memory is followed by one that goes on;
  // what is there before the start is walked with other playbooks (D6 E6).
  if (::access("/dev/kmsg", R_OK) != 0) GTEST_SKIP() << "needs the kernel's log";
  ContainerSpec spec;
  spec.memory_mb = 192;
  ASSERT_NO_FATAL_FAILURE(build(spec, {{"PGKEEL_RECOVER_RESTARTS", "500 per 300s"}}));
  for (const auto* step : {"raise_memory_limit", "lower_work_mem"})
    for (const auto place : kPlaces) {
      const auto name = recover::fault_point_name("relieve_memory", step, place);
      SCOPED_TRACE(name);
      const auto mark = stage().directory() / "mark";
      std::filesystem::remove(mark);
      stage().end_guard();
      ASSERT_TRUE(stage().start_guard(crash_at(mark, name)).has_value());
      ASSERT_TRUE(stage().await_ready().has_value());
      ASSERT_NO_FATAL_FAILURE(run_out_of_memory(stage()));
      ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark));
      ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(scene_, "oom_killed"));
    }
}

TEST_F(Container, TheEnginesRestartIsNotRaced) {
  // Goal: with a restart policy the engine brings it back and the guard starts nothing: one start,
  // not two (D3, D6).
  ContainerSpec spec;
  spec.restart = "always";
  ASSERT_NO_FATAL_FAILURE(build(spec));
  const auto before = engine_->server_starts("pg");
  kill_server(stage());
  ASSERT_TRUE(await_healed(stage(), "server_killed"));
  ASSERT_TRUE(service_restored(scene_));
  EXPECT_EQ(engine_->server_starts("pg"), before + 1);
}

TEST_F(Container, StoppedOnPurposeStaysStopped) {
  // Goal: docker stop is the operator's will, docker start ends it (B13, D3).
  ASSERT_NO_FATAL_FAILURE(build());
  stage().note_broken();
  engine_->stop("pg");
  ASSERT_TRUE(await_incident(stage(), "stopped_by_operator", waits));
  ASSERT_TRUE(stays_down(stage()));
  engine_->start("pg");
  ASSERT_TRUE(await_incident(stage(), "stopped_by_operator", closed));
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(Container, PausedIsNotHung) {
  // Goal: docker pause is told by the engine, named, and nothing is killed; unpause ends it (B13,
  // D3).
  ASSERT_NO_FATAL_FAILURE(build());
  const auto pid = postmaster_pid(stage());
  stage().note_broken();
  engine_->pause("pg");
  ASSERT_TRUE(await_incident(stage(), "container_paused", waits));
  EXPECT_TRUE(await_incident(stage(), "container_paused", engine_told("container pg: pause")));
  engine_->unpause("pg");
  ASSERT_TRUE(service_restored(scene_));
  EXPECT_EQ(postmaster_pid(stage()), pid);
}

TEST_F(Container, RemovedIsNamedAndFoundAgain) {
  // Goal: a removed container is a human's, its volume is kept by the anchor, and a container made
  // again over it is guarded on (C2, D3, D13).
  ASSERT_NO_FATAL_FAILURE(build());
  ASSERT_TRUE(test::wait_until([&] { return engine_->exists("pgkeel-anchor-pg"); }, kPatience));
  stage().note_broken();
  engine_->stop("pg");
  engine_->remove("pg");
  ASSERT_TRUE(await_incident(stage(), "container_missing", waits));
  EXPECT_GE(engine_->remove_volume("pgdata"), 400);
  // Kept for whoever asks days later: what the engine did, and what was seen, without a password.
  const auto id = incident_of(stage(), "container_missing")->id;
  const auto told = ask_doctor(stage()).report.dump();
  EXPECT_TRUE(told.contains("engine: container pg: ")) << told;
  std::string evidence;
  EXPECT_TRUE(test::wait_until(
      [&] {
        evidence = incident::kept_evidence(stage().config().state_dir, id).value_or("");
        return !evidence.empty();
      },
      kPatience));
  EXPECT_TRUE(evidence.contains("\"process\"")) << evidence;
  engine_->run({});
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(Container, RenamedIsNamedWithTheLineToSet) {
  // Goal: the container goes by another name: nothing is started beside it, a guard that comes up
  // with the old name says the same, and one that is told the new name guards on (C2, D3).
  ASSERT_NO_FATAL_FAILURE(build());
  stage().note_broken();
  engine_->stop("pg");
  engine_->rename("pg", "shop-db-1");
  ASSERT_TRUE(await_incident(stage(), "container_renamed", waits_for("\"shop-db-1\"")));
  stage().end_guard();
  ASSERT_TRUE(stage().start_guard().has_value());
  const auto answers = [&] { return stage().client().get("/api/v1/status").has_value(); };
  ASSERT_TRUE(test::wait_until(answers, kPatience));
  engine_->start("shop-db-1");
  ASSERT_TRUE(service_restored(scene_));
  ASSERT_TRUE(stage().guard_alive());
  stage().end_guard();
  ASSERT_TRUE(stage().start_guard({{"PGKEEL_INSTANCE_CONTAINER", "shop-db-1"}}).has_value());
  ASSERT_TRUE(await_healed(stage(), "container_renamed"));
  EXPECT_FALSE(engine_->exists("pg"));
}

TEST_F(Container, DataOfAnotherMajorIsNamedByTheServersWords) {
  // Goal: the image's server refuses the data as another major's: named, not tried again and again;
  // with the data as it was the operator's start is enough (C2, D3, D5).
  ASSERT_NO_FATAL_FAILURE(build());
  const auto version = engine_->volume("pgdata") / "PG_VERSION";
  stage().note_broken();
  engine_->stop("pg");
  std::ofstream(version) << "14\n" << std::flush;
  engine_->start("pg");
  ASSERT_TRUE(await_incident(stage(), "wrong_major", waits_for("never pg_resetwal")));
  ASSERT_TRUE(stays_down(stage()));
  std::ofstream(version) << "15\n" << std::flush;
  engine_->start("pg");
  ASSERT_TRUE(await_healed(stage(), "wrong_major"));
  ASSERT_TRUE(service_restored(scene_));
}

// How many directories that were set aside beside this one are fenced.
std::ptrdiff_t fenced_beside(const std::filesystem::path& place) {
  const std::filesystem::directory_iterator all(place.parent_path());
  return std::ranges::count_if(all, [&](const std::filesystem::directory_entry& entry) {
    return entry.path().filename().string().contains(".pgkeel-aside-") &&
           instance::read_fence(entry.path()).has_value();
  });
}

TEST_F(Container, AFreshClusterIsFencedAndTheKnownOneBroughtBack) {
  // Goal: the container is made again over another, empty volume, which its entry point
  // initialises: it is fenced and kept, and the known data moved in with every row (A8, C2, D2).
  ASSERT_NO_FATAL_FAILURE(build());
  stage().note_broken();
  engine_->stop("pg");
  engine_->remove("pg");
  ASSERT_TRUE(await_incident(stage(), "container_missing", waits));
  ContainerSpec renamed;
  renamed.volume = "project2_pgdata";
  engine_->run(renamed);
  ASSERT_TRUE(await_healed(stage(), "fresh_cluster"));
  ASSERT_TRUE(service_restored(scene_));
  EXPECT_EQ(fenced_beside(engine_->volume("project2_pgdata")), 1);
}

TEST_F(Container, AFreshClusterStaysFencedUntilTheKnownOneIsFound) {
  // Goal: rule 10: where the known data is nowhere the fresh cluster serves nobody, whoever starts
  // its container; once it is found it is put in place, and the fresh one is kept, fenced.
  ASSERT_NO_FATAL_FAILURE(build());
  stage().note_broken();
  engine_->stop("pg");
  engine_->remove("pg");
  ASSERT_TRUE(await_incident(stage(), "container_missing", waits));
  const test::TempDir elsewhere;
  const auto hidden = elsewhere / "a" / "b" / "c" / "d" / "e";
  std::filesystem::create_directories(hidden.parent_path());
  std::filesystem::rename(engine_->volume("pgdata"), hidden);
  ContainerSpec renamed;
  renamed.volume = "project2_pgdata";
  engine_->run(renamed);
  const auto fresh = engine_->volume("project2_pgdata");
  ASSERT_TRUE(await_incident(stage(), "fresh_cluster", [&](const Incident& incident) {
    return incident.state == IncidentState::Waiting && instance::read_fence(fresh).has_value();
  }));
  engine_->start("pg");
  ASSERT_TRUE(stays_down(stage()));
  std::filesystem::rename(hidden, engine_->volume("pgdata"));
  ASSERT_TRUE(stage().client().post("/api/v1/resume", app::Json::object()).has_value());
  ASSERT_TRUE(await_healed(stage(), "fresh_cluster"));
  ASSERT_TRUE(service_restored(scene_));
  EXPECT_EQ(fenced_beside(fresh), 1);
}

ContainerSpec twin_of(std::string name = "twin") {
  ContainerSpec twin;
  twin.name = std::move(name);
  twin.port_offset = 1;
  return twin;
}

TEST_F(Container, TheSecondOverOneVolumeIsEnded) {
  // Goal: a second container over the volume is killed, never the first, which serves on as the
  // same process, keeps every acknowledged row and starts again after a crash (D3 D14).
  ASSERT_NO_FATAL_FAILURE(build());
  const auto pid = postmaster_pid(stage());
  stage().note_broken();
  engine_->run(twin_of());
  ASSERT_TRUE(await_healed(stage(), "two_servers"));
  EXPECT_EQ(engine_->names(ContainerEngine::Which::Running), std::vector<std::string>{"pg"});
  EXPECT_EQ(postmaster_pid(stage()), pid);
  ASSERT_TRUE(service_restored(scene_));
  EXPECT_TRUE(await_incident(stage(), "two_servers", [](const Incident& incident) {
    return std::ranges::any_of(incident.actions, [](const incident::Action& action) {
      return action.note.contains("pg_amcheck");
    });
  }));
  EXPECT_TRUE(await_incident(stage(), "two_servers", [](const Incident& incident) {
    return !incident.rows_lost && incident.loss.size() == 2 &&
           incident.loss[0].starts_with("what was committed in container twin since ") &&
           incident.loss[1].contains("pg_amcheck");
  }));
  stage().note_broken();
  kill_server(stage());
  ASSERT_TRUE(await_healed(stage(), "server_killed"));
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(Container, WhichOfTwoCameFirstIsNotGuessed) {
  // Goal: where the known container is the one that was started last nothing is ended: a human; the
  // one that is left when the other is gone serves with every row (D14 D10).
  ASSERT_NO_FATAL_FAILURE(build());
  stage().end_guard();
  engine_->stop("pg");
  ASSERT_NO_FATAL_FAILURE(engine_->run(twin_of("first")));
  stage().note_broken();
  engine_->start("pg");
  ASSERT_TRUE(stage().start_guard().has_value());
  ASSERT_TRUE(await_incident(stage(), "two_servers", [](const Incident& incident) {
    return incident.state == IncidentState::Waiting &&
           std::ranges::all_of(incident.actions, [](const incident::Action& action) {
             return action.step == "judge_servers";
           });
  }));
  EXPECT_EQ(engine_->names(ContainerEngine::Which::Running),
            (std::vector<std::string>{"first", "pg"}));
  engine_->kill("first");
  ASSERT_TRUE(await_healed(stage(), "two_servers"));
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(Container, CrashWalkOfEndSecondServer) {
  // Goal: a guard killed anywhere while it ends a second server is followed by one that has one
  // server left, the first (D6 E6 D14).
  ASSERT_NO_FATAL_FAILURE(build());
  int round = 0;
  for (const auto& step : recover::playbook_by_name("end_second_server").steps)
    for (const auto place : kPlaces) {
      const auto name = recover::fault_point_name("end_second_server", step.name, place);
      SCOPED_TRACE(name);
      const auto mark = stage().directory() / "mark";
      std::filesystem::remove(mark);
      stage().end_guard();
      ASSERT_TRUE(stage().start_guard(crash_at(mark, name)).has_value());
      ASSERT_TRUE(stage().await_ready().has_value());
      // What the rounds before have ended does not count.
      ASSERT_TRUE(stage().client().post("/api/v1/resume", app::Json::object()).has_value());
      stage().note_broken();
      const auto twin = "twin" + std::to_string(++round);
      engine_->run(twin_of(twin));
      ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark));
      ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(scene_, "two_servers"));
      EXPECT_EQ(engine_->names(ContainerEngine::Which::Running), std::vector<std::string>{"pg"});
      engine_->remove(twin);
    }
}

TEST_F(Container, AnEngineThatIsAwayIsNamedAndWaitedFor) {
  // Goal: the server dies while the engine is stopped: named; when the engine is back the guard
  // starts the server (D3).
  ASSERT_NO_FATAL_FAILURE(build());
  engine_->end_service();
  kill_server(stage());
  ASSERT_TRUE(await_incident(stage(), "engine_unreachable", waits));
  engine_->start_service();
  ASSERT_TRUE(await_healed(stage(), "engine_unreachable"));
  ASSERT_TRUE(service_restored(scene_));
}

// The newest proof of any backup in the stage's store.
std::optional<archive::Proof> last_proof(const app::Stage& stage) {
  const auto store = archive::open_store({.where = stage.config().archive.store.where});
  if (!store) return std::nullopt;
  const auto backups = archive::list_standings(**store);
  if (!backups || backups->empty() || backups->back().standing.proofs.empty()) return std::nullopt;
  return backups->back().standing.proofs.back();
}

TEST_F(Container, ItsBackupsAreProvenByItsOwnImage) {
  // Goal: no PostgreSQL on the host; backup and WAL are replayed and asked in a container of the
  // server's own image, of which nothing is left (C3 D10 D17).
  ASSERT_NO_FATAL_FAILURE(build(
      {}, {{"PGKEEL_ARCHIVE_STORE", "archive"}, {"PGKEEL_INSTANCE_BIN_DIR", "/nonexistent"}}));
  ASSERT_TRUE(test::wait_until([&] { return last_proof(stage()).has_value(); }, kPatience));
  const auto proof = last_proof(stage());
  EXPECT_TRUE(proof->holds) << proof->failure;
  EXPECT_GT(proof->rows.size(), 0U);
  EXPECT_TRUE(test::wait_until([&] { return engine_->names() == std::vector<std::string>{"pg"}; },
                               kPatience));
  ASSERT_TRUE(service_restored(scene_));
}

// The drill that holds the lock of its job; 0: none runs.
pid_t drill_pid(const app::Stage& stage) {
  const auto text = runtime::read_file(stage.config().state_dir / "jobs" / "drill.lock", 4096);
  const auto at = text ? text->find("(pid ") : std::string::npos;
  return at == std::string::npos ? 0 : std::atoi(text->c_str() + at + 5);
}

TEST_F(Container, ACopysServerEndsWithWhoeverAskedForIt) {
  // Goal: a drill killed while its server runs in a container leaves neither of them (C3 D7).
  ASSERT_NO_FATAL_FAILURE(build({}, {{"PGKEEL_ARCHIVE_STORE", "archive"}}));
  ASSERT_TRUE(test::wait_until(
      [&] { return engine_->names(ContainerEngine::Which::Running).size() == 2; }, kPatience));
  const auto drill = drill_pid(stage());
  ASSERT_GT(drill, 0);
  ASSERT_EQ(::kill(drill, SIGKILL), 0);
  EXPECT_TRUE(test::wait_until([&] { return engine_->names() == std::vector<std::string>{"pg"}; },
                               kPatience));
  ASSERT_TRUE(service_restored(scene_));
}

TEST_F(Container, CrashWalkOfReplaceFreshCluster) {
  // Goal: a guard killed anywhere while it replaces a fresh cluster is followed by one that has the
  // known data serve again (C2, D6, E6).
  ASSERT_NO_FATAL_FAILURE(build());
  int round = 0;
  for (const auto& step : recover::playbook_by_name("replace_fresh_cluster").steps) {
    for (const auto place : kPlaces) {
      const auto name = recover::fault_point_name("replace_fresh_cluster", step.name, place);
      SCOPED_TRACE(name);
      const auto mark = stage().directory() / "mark";
      std::filesystem::remove(mark);
      stage().end_guard();
      ASSERT_TRUE(stage().start_guard(crash_at(mark, name)).has_value());
      ASSERT_TRUE(stage().await_ready().has_value());
      stage().note_broken();
      engine_->stop("pg");
      engine_->remove("pg");
      ContainerSpec renamed;
      renamed.volume = "project" + std::to_string(++round);
      engine_->run(renamed);
      ASSERT_NO_FATAL_FAILURE(expect_died_at_the_place(scene_, mark));
      ASSERT_NO_FATAL_FAILURE(expect_next_guard_finishes(scene_, "fresh_cluster"));
    }
  }
}

}  // namespace
}  // namespace pgkeel::chaos
