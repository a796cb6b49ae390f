// pgkeel backup list: what there is, what of it is proven, and how far it reaches.
#include <fmt/format.h>

#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "archive/retention/expiry.hpp"

namespace pgkeel::app {
namespace {

using archive::BackupStanding;
using archive::Proof;

std::string proof_text(const archive::Standing& standing) {
  const auto* drill = standing.last(Proof::Kind::Drill);
  if (drill == nullptr) return "not proven yet";
  if (!drill->holds) return "DRILL FAILED " + to_iso8601(drill->at);
  return fmt::format("restored in {} on {}", humane_duration(drill->copy_took + drill->replay_took),
                     to_iso8601(drill->at).substr(0, 10));
}

Json proof_json(const Proof* proof) {
  if (proof == nullptr) return nullptr;
  return {{"at", to_iso8601(proof->at)},
          {"holds", proof->holds},
          {"failure", proof->failure},
          {"checked", proof->checked},
          {"restore_ms", (proof->copy_took + proof->replay_took).count()}};
}

// Up to where a restore from this backup can go with the WAL there is in the store.
std::string reach_of(const archive::Backup& backup, const archive::WalIndex& wal) {
  const auto range = wal.range_of(backup.last_segment());
  if (!range) return {};
  return to_string(pg::WalSegment{range->timeline, range->last}.end(backup.wal_segment_bytes));
}

Json row_json(const BackupStanding& one, const archive::WalIndex& wal) {
  const auto& backup = one.backup;
  return {{"backup", backup.label},
          {"started_at", to_iso8601(backup.started_at)},
          {"ended_at", to_iso8601(backup.ended_at)},
          {"major", backup.major()},
          {"timeline", backup.timeline.value},
          {"start_lsn", to_string(backup.start_lsn)},
          {"stop_lsn", to_string(backup.stop_lsn)},
          {"reaches_lsn", reach_of(backup, wal)},
          {"plain_bytes", backup.plain_bytes},
          {"stored_bytes", backup.stored_bytes},
          {"pinned", one.standing.pinned},
          {"proven", one.standing.proven()},
          {"drill", proof_json(one.standing.last(Proof::Kind::Drill))},
          {"verify", proof_json(one.standing.last(Proof::Kind::Verify))}};
}

std::vector<std::string> row_text(const BackupStanding& one, const archive::WalIndex& wal) {
  const auto reach = reach_of(one.backup, wal);
  return {one.backup.label + (one.standing.pinned ? " (pinned)" : ""),
          format_size(one.backup.plain_bytes), format_size(one.backup.stored_bytes),
          reach.empty() ? "WAL MISSING" : "to " + reach, proof_text(one.standing)};
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(tools, open_archive(config, which_store(invocation)));
  TRY(list, archive::list_standings(*tools.store));
  const auto segment_bytes =
      list.empty() ? pg::kDefaultWalSegmentBytes : list.back().backup.wal_segment_bytes;
  TRY(wal, archive::WalIndex::read(*tools.store, segment_bytes));
  if (invocation.global.json) {
    Json rows = Json::array();
    for (const auto& one : list) rows.push_back(row_json(one, wal));
    fmt::print("{}", to_line({{"store", tools.store->describe()},
                              {"backups", std::move(rows)},
                              {"wal_segments", wal.size()}}));
    return 0;
  }
  if (list.empty()) {
    fmt::print("No backup in {}. 'pgkeel backup now' makes one.\n", tools.store->describe());
    return 0;
  }
  std::vector<std::vector<std::string>> rows{{"BACKUP", "DATA", "STORED", "REACHES", "PROOF"}};
  for (const auto& one : list) rows.push_back(row_text(one, wal));
  fmt::print("{}", columns(rows, invocation.look.width));
  return 0;
}

}  // namespace

CommandSpec backup_list_command() {
  return {.name = "backup list",
          .summary = "show the backups, and which of them are proven",
          .details =
              "A backup is proven by a drill that restored it. REACHES is how far its WAL "
              "goes without a gap.",
          .example = "pgkeel backup list --json",
          .options = {offsite_option()},
          .run = run};
}

}  // namespace pgkeel::app
