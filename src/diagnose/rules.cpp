// The rule table. To add a cause: one row in cause.cpp, one file with its rule, one line here.
#include "diagnose/rules.hpp"

#include "diagnose/alternatives.hpp"

#include <algorithm>
#include <array>

namespace pgkeel::diagnose {
namespace {

constexpr auto kRules = std::to_array<Rule>({
    two_servers,         fresh_cluster,
    container_paused,    wrong_identity,
    mount_missing,       volume_lost,
    control_file_lost,   config_broken,
    port_taken,          stale_pid,
    server_start_failed, server_hung,
    container_missing,   engine_unreachable,
    oom_killed,          server_killed,
    stopped_by_operator, server_recovering,
    login_failing,       database_dropped,
    database_missing,    table_dropped,
    server_unreachable,  limit_near,
    wrong_major,         read_only_filesystem,
    container_renamed,   wrong_permissions,
    archive_failing,     commits_unprotected,
    connection_storm,    idle_in_transaction,
    slot_abandoned,      wraparound_near,
    disk_full,           wal_disk_full,
    shared_memory_full,  heap_corrupted,
    index_corrupted,     table_truncated,
    mass_delete,         schema_dropped,
    guard_killed,        connection_limit,
    data_fenced,
});

}  // namespace

std::vector<Finding> diagnose(const Case& the_case) {
  const auto rank = [](const Finding& finding) { return -cause_info(finding.cause).rank; };
  std::vector<Finding> findings;
  for (const auto rule : kRules) {
    for (auto& found : rule(the_case)) {
      const auto behind = std::ranges::upper_bound(findings, rank(found), {}, rank);
      findings.insert(behind, std::move(found));
    }
  }
  for (auto& finding : findings) finding.alternatives = alternatives(the_case, finding, findings);
  return findings;
}

}  // namespace pgkeel::diagnose
