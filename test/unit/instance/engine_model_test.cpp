// Answers recorded from a real engine (Podman 4.3, Docker's API 1.40) and what is made of them.
#include "instance/engine_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "runtime/files.hpp"

namespace pgkeel::instance {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

std::string recorded(const std::string& name) {
  return runtime::read_file("test/data/engine/" + name, 1U << 20U).value_or("");
}

ContainerMount mount(std::string type, std::string name, std::string source, std::string to) {
  return {std::move(type), std::move(name), std::move(source), std::move(to), true};
}

TEST(ParseContainer, ReadsWhatTheEngineSaid) {
  // Goal: state, policy, mounts and digest of a running container (A5, D3).
  const auto facts = parse_container(recorded("podman_container.json"));
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->name, "pg");
  EXPECT_TRUE(facts->running);
  EXPECT_GT(facts->pid, 1);
  EXPECT_EQ(facts->restart_policy, RestartPolicy::UnlessStopped);
  EXPECT_THAT(facts->image_digest, HasSubstr("fbfdc8ff"));
  EXPECT_EQ(facts->network_mode, "host");
  ASSERT_THAT(facts->mounts, SizeIs(1));
  EXPECT_EQ(data_dir_outside(*facts), "/tmp/pm/state/root/volumes/pgdata/_data");
}

TEST(ParseContainer, KnowsATaskOfASwarm) {
  // Goal: C6 D3: the labels a Swarm (and Dokploy on it) sets. The document was written by Docker's
  // API reference, not recorded: Podman, which runs here, has no Swarm.
  const auto facts = parse_container(recorded("docker_swarm_task.json"));
  ASSERT_TRUE(facts.has_value());
  EXPECT_EQ(facts->name, "shop-db.1.k2x5v7m1q0z3");
  const auto task = swarm_task(*facts);
  ASSERT_TRUE(task.has_value());
  EXPECT_EQ(task->service, "shop-db");
  EXPECT_EQ(task->task, "shop-db.1.k2x5v7m1q0z3");
  EXPECT_EQ(task->node, "n0de1");
  EXPECT_FALSE(swarm_task(*parse_container(recorded("podman_container.json"))));
}

TEST(ContainerList, KnowsWhichContainerIsAServiceNow) {
  // Goal: D3: a service's containers come and go: one that runs, or else the one made last.
  const auto all = parse_container_list(
      R"([{"Id":"a","Names":["/shop-db.1.x"],"State":"exited","Created":300,
           "Labels":{"com.docker.swarm.service.name":"shop-db"}},
          {"Id":"b","Names":["/shop-db.1.y"],"State":"running","Created":200,
           "Labels":{"com.docker.swarm.service.name":"shop-db"}},
          {"Id":"c","Names":["/shop-db-old.1.z"],"State":"running","Created":400,
           "Labels":{"com.docker.swarm.service.name":"shop-db-old"}},
          {"Id":"d","Names":["/shop-api.1.z"],"State":"created","Created":500,
           "Labels":{"com.docker.swarm.service.name":"shop-api"}},
          {"Id":"e","Names":["/shop-api.1.w"],"State":"exited","Created":450,
           "Labels":{"com.docker.swarm.service.name":"shop-api"}}])");
  ASSERT_TRUE(all.has_value());
  ASSERT_NE(task_of_service(*all, "shop-db"), nullptr);
  EXPECT_EQ(task_of_service(*all, "shop-db")->id, "b");
  ASSERT_NE(task_of_service(*all, "shop-api"), nullptr);
  EXPECT_EQ(task_of_service(*all, "shop-api")->id, "d");
  EXPECT_EQ(task_of_service(*all, "shop"), nullptr);
}

TEST(ParseContainer, RefusesNonsense) {
  // Goal: another program's bytes are an error or empty facts, never a crash.
  for (const auto* text : {"", "[]", "3", "{}", "{\"Id\":7}", "{\"Id\":\"x\"", "null"})
    EXPECT_FALSE(parse_container(text).has_value()) << text;
  const auto odd = parse_container(
      R"({"Id":"x","State":[],"HostConfig":null,"Config":{"Env":[1,"A","B=2"]},"Mounts":{}})");
  ASSERT_TRUE(odd.has_value());
  EXPECT_EQ(odd->variable("B"), "2");
}

std::vector<std::string> words_of(const std::string& lines) {
  std::vector<std::string> words;
  std::istringstream text(lines);
  for (std::string line; std::getline(text, line);)
    if (const auto event = parse_event(line)) words.push_back(event->describe());
  return words;
}

TEST(ParseEvent, ReadsBothEnginesWords) {
  // Goal: what happened to which container or volume, in Docker's words (D3).
  const auto podman = words_of(recorded("podman_events.jsonl"));
  EXPECT_THAT(podman, testing::IsSupersetOf({"container pg: start", "container pg2: rename",
                                             "container pg2: die, exit code 0",
                                             "container pg2: destroy", "volume pgdata: destroy"}));
  const auto docker = parse_event(
      R"({"Type":"volume","Action":"destroy","Actor":{"ID":"pgdata","Attributes":{"driver":"local"}}})");
  ASSERT_TRUE(docker.has_value());
  EXPECT_EQ(docker->describe(), "volume pgdata: destroy");
}

TEST(ParseEvent, RefusesNonsense) {
  // Goal: what is no event of a container or volume is none (D3).
  for (const auto* text : {"", "1a3", "[]", "{}", R"({"Type":"container"})",
                           R"({"Type":"network","Action":"create","Actor":{"ID":"n"}})",
                           R"({"Type":"container","Action":"die","Actor":[]})"})
    EXPECT_FALSE(parse_event(text).has_value()) << text;
}

TEST(ParseLists, ReadContainersAndVolumes) {
  // Goal: names lose their slash, mounts and mount points are there.
  const auto containers = parse_container_list(recorded("podman_list.json"));
  ASSERT_TRUE(containers.has_value());
  ASSERT_THAT(*containers, SizeIs(1));
  EXPECT_EQ(containers->front().name, "pg");
  EXPECT_EQ(containers->front().mounts.front().name, "pgdata");
  const auto volumes = parse_volume_list(recorded("podman_volumes.json"));
  ASSERT_TRUE(volumes.has_value());
  ASSERT_THAT(*volumes, SizeIs(1));
  EXPECT_EQ(volumes->front().mount_point, "/tmp/pm/state/root/volumes/pgdata/_data");
}

TEST(DataDir, IsFoundThroughTheNearestMount) {
  // Goal: PGDATA decides where, the deepest mount over it decides whose (D3).
  ContainerFacts facts;
  EXPECT_EQ(data_dir_outside(facts), "");
  facts.mounts = {mount("bind", "", "/srv/all", "/var/lib"),
                  mount("volume", "v", "/vol/v/_data", "/var/lib/postgresql/data")};
  EXPECT_EQ(data_dir_outside(facts), "/vol/v/_data");
  facts.environment = {{"PGDATA", "/var/lib/postgresql/data/pg"}};
  EXPECT_EQ(data_dir_outside(facts), "/vol/v/_data/pg");
  facts.environment = {{"PGDATA", "/var/lib/postgresql/18/docker"}};
  EXPECT_EQ(data_dir_outside(facts), "/srv/all/postgresql/18/docker");
  facts.environment = {{"PGDATA", "/var/lib/postgresql/database"}};
  EXPECT_EQ(data_mount(facts)->type, "bind");
}

TEST(EngineRestarts, FollowsThePolicy) {
  // Goal: the guard knows when the engine brings a container back by itself (A2).
  ContainerFacts facts;
  EXPECT_FALSE(engine_restarts(facts, 137));
  facts.restart_policy = RestartPolicy::UnlessStopped;
  EXPECT_TRUE(engine_restarts(facts, 0));
  facts.restart_policy = RestartPolicy::OnFailure;
  EXPECT_FALSE(engine_restarts(facts, 0));
  EXPECT_TRUE(engine_restarts(facts, 137));
  facts.restart_retries_max = 2;
  facts.restart_count = 2;
  EXPECT_FALSE(engine_restarts(facts, 137));
}

TEST(EngineTimes, AreReadWithTheirOffset) {
  // Goal: Podman writes local time with an offset: which of two began later is told all the same
  // (D14).
  const auto utc = parse_engine_time("2026-11-21T03:04:05.123456789Z").value();
  for (const auto* same :
       {"2026-11-21T05:04:05.123456789+02:00", "2026-11-20T21:34:05.123456789-05:30",
        "2026-11-21T03:04:05.123456789+00:00"})
    EXPECT_EQ(parse_engine_time(same).value(), utc) << same;
  for (const auto* none :
       {"", "+02:00", "2026-11-21", "2026-11-21T03:04:05", "2026-11-21T03:04+x:00"})
    EXPECT_FALSE(parse_engine_time(none).has_value()) << none;
}

TEST(LogFrames, AreTakenOff) {
  // Goal: frames of a container's log become its text; a log without frames is left as it is.
  const std::string framed(
      "\x02\0\0\0\0\0\0\x03"
      "one\x01\0\0\0\0\0\0\x03two",
      22);
  EXPECT_EQ(strip_log_frames(framed), "onetwo");
  EXPECT_EQ(strip_log_frames("2026-11-21 plain text"), "2026-11-21 plain text");
  EXPECT_EQ(strip_log_frames(std::string("\x02\0\0\0\xff\xff\xff\xff"
                                         "cut",
                                         11)),
            "cut");
}

TEST(Anonymous, IsAVolumeNobodyNamed) {
  // Goal: 64 hexadecimal digits are an engine's own name (D3).
  EXPECT_TRUE(is_anonymous(mount("volume", std::string(64, 'a'), "", "")));
  EXPECT_FALSE(is_anonymous(mount("volume", "pgdata", "", "")));
  EXPECT_FALSE(is_anonymous(mount("bind", std::string(64, 'a'), "", "")));
}

}  // namespace
}  // namespace pgkeel::instance
