// A healthy instance as the guard sees and knows it, and small functions that break one thing each.
// Time is virtual: every fact is as old as a test says. Whatever a test asks of the rules is asked
// again of the case as it is kept and read back: every incident can be replayed.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "diagnose/moment.hpp"

namespace pgkeel::test {

inline constexpr SteadyTime kNow{Seconds(100'000)};
inline constexpr WallTime kWall{Seconds(1'800'000'000)};
inline constexpr SystemId kOurs{7'000'000'000'000'000'001};
inline constexpr SystemId kStranger{7'000'000'000'000'000'002};
inline constexpr Oid kShop{16384};
inline constexpr Oid kOrders{16399};
inline constexpr pid_t kServerPid = 100;

/// All that a finding says, one fact a line.
inline std::string words_of(const diagnose::Finding& finding) {
  std::string words = std::string(diagnose::cause_info(finding.cause).name) + ' ' +
                      finding.subject + ' ' + std::to_string(finding.confidence) +
                      (finding.wait ? " wait\n" : "\n") + finding.summary + '\n' + finding.hint;
  for (const auto& item : finding.evidence)
    words += '\n' + to_iso8601(item.at) + ' ' + item.source + ": " + item.text;
  for (const auto& other : finding.alternatives) words += "\nor " + other.what;
  for (const auto& loss : finding.loss) words += "\nlost " + loss;
  if (finding.since)
    words += "\nsince " + std::to_string(finding.since->time_since_epoch().count());
  if (!finding.wanted.empty()) words += "\nwanted: " + finding.wanted;
  if (finding.last_seen) words += "\nlast at " + to_string(finding.last_seen->lsn);
  return words;
}

inline std::string words_of(const std::vector<diagnose::Finding>& findings) {
  std::string words;
  for (const auto& finding : findings) words += words_of(finding) + "\n\n";
  return words;
}

inline std::vector<diagnose::Finding> replayed(const diagnose::Case& the_case) {
  const auto as_it_is = [](std::string text) { return text; };
  const auto json = diagnose::moment_to_json(
      {the_case.seen, the_case.known, the_case.now, the_case.wall}, as_it_is);
  const auto moment = diagnose::parse_moment(json.dump());
  EXPECT_TRUE(moment) << moment.error().message() << json.dump(1);
  return moment ? diagnose::diagnose(moment->as_case()) : std::vector<diagnose::Finding>();
}

struct Instance {
  sense::Observation seen;
  diagnose::Known known;
  SteadyTime now = kNow;

  [[nodiscard]] diagnose::Case as_case() const { return {seen, known, now, kWall}; }
  [[nodiscard]] std::vector<diagnose::Finding> findings() const {
    auto findings = diagnose::diagnose(as_case());
    EXPECT_EQ(words_of(replayed(as_case())), words_of(findings));
    return findings;
  }
  [[nodiscard]] std::vector<diagnose::Cause> causes() const {
    std::vector<diagnose::Cause> causes;
    for (const auto& finding : findings()) causes.push_back(finding.cause);
    return causes;
  }
};

inline pg::PostmasterPid lock_file() {
  pg::PostmasterPid file;
  file.pid = kServerPid;
  file.started_epoch_s = 1'799'990'000;
  file.port = 5432;
  file.status = "ready";
  return file;
}

inline runtime::FilesystemId disk() {
  return {"ext4", "0b7c-uuid", 0xABCD, "/var/lib/postgresql", "/dev/sdb1"};
}
inline runtime::FilesystemId root_disk() { return {"ext4", "1111-uuid", 0x1111, "/", "/dev/sda1"}; }

inline diagnose::Known known_shop() {
  diagnose::Known known;
  known.identity.emplace();
  known.identity->system_id = kOurs;
  known.identity->data_dir = "/var/lib/postgresql/15/main";
  known.identity->filesystem_type = disk().type;
  known.identity->filesystem_uuid = disk().uuid;
  known.identity->filesystem_fsid = disk().fsid;
  known.identity->mount_point = disk().mount_point;
  known.databases = {{Oid(5), "postgres", "postgres", "UTF8", "C", "C"},
                     {kShop, "shop", "app", "UTF8", "C", "C"}};
  known.relations["shop"] = {{kOrders, "public", "orders", 'r', "app", 8192, 40}};
  return known;
}

inline void see_server_running(sense::Observation& seen) {
  seen.process.state = sense::ProcessState::Running;
  seen.process.at = kNow;
  seen.process.pid = kServerPid;
  seen.process.progress_at = kNow;
  seen.login.result = sense::ProbeResult::Ok;
  seen.login.at = seen.login.last_ok_at = kNow;
  seen.login.ever_ok = true;
  seen.write.result = sense::ProbeResult::Ok;
  seen.write.at = kNow;
}

inline void see_files(sense::Observation& seen) {
  seen.files.seen = true;
  seen.files.at = kNow;
  seen.files.data_dir.state = instance::DataDirState::Present;
  seen.files.data_dir.control.emplace();
  seen.files.data_dir.control->system_id = kOurs;
  seen.files.data_dir.control->state = pg::ClusterState::InProduction;
  seen.files.data_dir.filesystem = disk();
  seen.files.lock.state = instance::LockState::Live;
  seen.files.lock.file = lock_file();
}

inline void see_catalog(sense::Observation& seen) {
  seen.catalog.seen = true;
  seen.catalog.at = kNow;
  seen.catalog.before = kNow - Seconds(3);
  seen.catalog.databases = {{Oid(5), "postgres", "postgres", "UTF8", "C", "C", 0},
                            {kShop, "shop", "app", "UTF8", "C", "C", 0}};
  auto& listing = seen.catalog.listings["shop"];
  listing.at = kNow;
  listing.before = kNow - Seconds(2);
  listing.relations = {{kOrders, "public", "orders", 'r', "app", 8192, 40}};
}

inline Instance healthy() {
  Instance instance;
  instance.known = known_shop();
  see_server_running(instance.seen);
  see_files(instance.seen);
  see_catalog(instance.seen);
  return instance;
}

inline void log(Instance& instance, pg::Signature signature, std::string text) {
  instance.seen.server_log.entries.push_back({signature, std::move(text)});
}

inline void refuse_logins(Instance& instance) {
  instance.seen.login.result = sense::ProbeResult::Refused;
  instance.seen.write.result = sense::ProbeResult::Refused;
  instance.seen.login.failures = 3;
  instance.seen.login.note = "connection refused";
}

/// kill -9 of the postmaster: its lock file stays, pg_control still says "in production".
inline Instance killed() {
  Instance instance = healthy();
  instance.seen.process.state = sense::ProcessState::Absent;
  instance.seen.process.died_at = kNow - Seconds(1);
  instance.seen.files.lock.state = instance::LockState::Stale;
  refuse_logins(instance);
  return instance;
}

/// pg_ctl stop -m fast.
inline Instance stopped_cleanly() {
  Instance instance = killed();
  instance.seen.files.lock = {};
  instance.seen.files.data_dir.control->state = pg::ClusterState::ShutDown;
  log(instance, pg::Signature::ShutdownFast, "received fast shutdown request");
  log(instance, pg::Signature::ShutdownDone, "database system is shut down");
  return instance;
}

/// pg_ctl stop -m immediate: the lock file goes, pg_control keeps saying "in production".
inline Instance stopped_at_once() {
  Instance instance = killed();
  instance.seen.files.lock = {};
  log(instance, pg::Signature::ShutdownImmediate, "received immediate shutdown request");
  return instance;
}

/// The server process is alive and a login got no answer, since `silence`.
inline Instance silent_for(Seconds silence) {
  Instance instance = healthy();
  instance.seen.login.result = sense::ProbeResult::TimedOut;
  instance.seen.write.result = sense::ProbeResult::TimedOut;
  instance.seen.login.failures = 5;
  instance.seen.login.last_ok_at = kNow - silence;
  instance.seen.process.progress_at = kNow - silence;
  return instance;
}

/// SIGSTOP to the postmaster, and a login that timed out after it.
inline Instance suspended() {
  Instance instance = silent_for(Seconds(5));
  instance.seen.process.state = sense::ProcessState::Stopped;
  instance.seen.process.stopped_since = kNow - Seconds(4);
  return instance;
}

/// The server runs in this container, as the engine says.
inline instance::HostingFacts& in_container(Instance& instance) {
  auto& facts = instance.seen.hosting.facts.emplace();
  facts.name = "pg";
  facts.exists = true;
  facts.container.name = "pg";
  facts.container.id = "c0ffee";
  return facts;
}

/// The data directory is away; no server runs.
inline Instance without_data(instance::DataDirState state) {
  Instance instance = killed();
  instance.seen.files.lock = {};
  instance.seen.files.data_dir = {};
  instance.seen.files.data_dir.state = state;
  instance.seen.files.data_dir.filesystem = disk();
  return instance;
}

inline void replace_by_stranger(Instance& instance) {
  instance.seen.files.data_dir.control->system_id = kStranger;
}

inline std::vector<sense::Relation>& tables(Instance& instance) {
  return instance.seen.catalog.listings["shop"].relations;
}

inline bool has(const Instance& instance, diagnose::Cause cause) {
  return std::ranges::count(instance.causes(), cause) > 0;
}

}  // namespace pgkeel::test
