// Every cause has one rule in one file: a pure function from what is observed and what was known to
// the findings of that cause. diagnose() asks them all and puts the most telling first.
// No I/O, no clock, no threads: `now` is an argument.
#pragma once

#include <vector>

#include "diagnose/finding.hpp"
#include "diagnose/known.hpp"
#include "sense/observation.hpp"

namespace pgkeel::diagnose {

struct Case {
  const sense::Observation& seen;
  const Known& known;
  SteadyTime now;
  WallTime wall;
};

using Rule = std::vector<Finding> (*)(const Case&);

/// Findings by falling rank of their cause; among equals, in the order of the rule table.
[[nodiscard]] std::vector<Finding> diagnose(const Case& the_case);

// One per file; the table in rules.cpp names them all.
[[nodiscard]] std::vector<Finding> stopped_by_operator(const Case& the_case);
[[nodiscard]] std::vector<Finding> server_recovering(const Case& the_case);
[[nodiscard]] std::vector<Finding> login_failing(const Case& the_case);
[[nodiscard]] std::vector<Finding> server_killed(const Case& the_case);
[[nodiscard]] std::vector<Finding> server_hung(const Case& the_case);
[[nodiscard]] std::vector<Finding> stale_pid(const Case& the_case);
[[nodiscard]] std::vector<Finding> port_taken(const Case& the_case);
[[nodiscard]] std::vector<Finding> config_broken(const Case& the_case);
[[nodiscard]] std::vector<Finding> server_start_failed(const Case& the_case);
[[nodiscard]] std::vector<Finding> control_file_lost(const Case& the_case);
[[nodiscard]] std::vector<Finding> data_fenced(const Case& the_case);
[[nodiscard]] std::vector<Finding> mount_missing(const Case& the_case);
[[nodiscard]] std::vector<Finding> volume_lost(const Case& the_case);
[[nodiscard]] std::vector<Finding> wrong_identity(const Case& the_case);
[[nodiscard]] std::vector<Finding> database_missing(const Case& the_case);
[[nodiscard]] std::vector<Finding> database_dropped(const Case& the_case);
[[nodiscard]] std::vector<Finding> table_dropped(const Case& the_case);
[[nodiscard]] std::vector<Finding> server_unreachable(const Case& the_case);
[[nodiscard]] std::vector<Finding> limit_near(const Case& the_case);
[[nodiscard]] std::vector<Finding> container_missing(const Case& the_case);
[[nodiscard]] std::vector<Finding> container_paused(const Case& the_case);
[[nodiscard]] std::vector<Finding> engine_unreachable(const Case& the_case);
[[nodiscard]] std::vector<Finding> oom_killed(const Case& the_case);
[[nodiscard]] std::vector<Finding> two_servers(const Case& the_case);
[[nodiscard]] std::vector<Finding> fresh_cluster(const Case& the_case);
[[nodiscard]] std::vector<Finding> wrong_major(const Case& the_case);
[[nodiscard]] std::vector<Finding> read_only_filesystem(const Case& the_case);
[[nodiscard]] std::vector<Finding> container_renamed(const Case& the_case);
[[nodiscard]] std::vector<Finding> wrong_permissions(const Case& the_case);
[[nodiscard]] std::vector<Finding> archive_failing(const Case& the_case);
[[nodiscard]] std::vector<Finding> commits_unprotected(const Case& the_case);
[[nodiscard]] std::vector<Finding> connection_storm(const Case& the_case);
[[nodiscard]] std::vector<Finding> connection_limit(const Case& the_case);
[[nodiscard]] std::vector<Finding> idle_in_transaction(const Case& the_case);
[[nodiscard]] std::vector<Finding> slot_abandoned(const Case& the_case);
[[nodiscard]] std::vector<Finding> wraparound_near(const Case& the_case);
[[nodiscard]] std::vector<Finding> disk_full(const Case& the_case);
[[nodiscard]] std::vector<Finding> wal_disk_full(const Case& the_case);
[[nodiscard]] std::vector<Finding> shared_memory_full(const Case& the_case);
[[nodiscard]] std::vector<Finding> heap_corrupted(const Case& the_case);
[[nodiscard]] std::vector<Finding> index_corrupted(const Case& the_case);
[[nodiscard]] std::vector<Finding> table_truncated(const Case& the_case);
[[nodiscard]] std::vector<Finding> mass_delete(const Case& the_case);
[[nodiscard]] std::vector<Finding> schema_dropped(const Case& the_case);
[[nodiscard]] std::vector<Finding> guard_killed(const Case& the_case);

/// "from 2026-... until 2026-..., 12 s": the newest interval in which commits did not wait.
[[nodiscard]] std::string unprotected_words(const sense::Unprotected& interval);

}  // namespace pgkeel::diagnose
