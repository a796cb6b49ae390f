// See archive.hpp. The sides take turns within a round, so that a busy moment of the machine or of
// its disk meets all of them; the best of each side's rounds counts.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "bench/archive.hpp"

namespace pgkeel::bench {
namespace {

namespace fs = std::filesystem;

constexpr double kBackupRatioMax = 1.0;
constexpr double kRestoreRatioMax = 0.8;
constexpr double kSizeRatioMax = 1.05;
constexpr double kResidentMbMax = 100;
constexpr const char* kPgBackRestName = "pgbackrest 2.45";
constexpr const char* kPgBaseBackupName = "pg_basebackup 15";
constexpr double kNone = std::numeric_limits<double>::infinity();
constexpr double kMegabyte = 1e6;

struct Side {
  double backup = kNone;
  double copy = kNone;   ///< of a restore: until the files are there and synced
  double whole = kNone;  ///< of a restore: until a server has replayed the WAL and was stopped
  double resident_mb = 0;
  double stored_mb = 0;
};

struct Sides {
  Side ours;
  Side pgbackrest;
  Side pg_basebackup;
};

void note(double& best, double seconds) { best = std::min(best, seconds); }

nlohmann::json last_json(const ArchiveStage& stage) {
  const auto text = stage.output();  // progress may stand before it
  const auto begin = text.rfind("\n{");
  return nlohmann::json::parse(text.substr(begin == std::string::npos ? 0 : begin));
}

double megabytes_in(const fs::path& directory) {
  double bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory))
    if (entry.is_regular_file()) bytes += static_cast<double>(entry.file_size());
  return bytes / kMegabyte;
}

void back_up_ours(ArchiveStage& stage, Side& side) {
  const auto cost = stage.run_pgkeel({"backup", "now"});
  const auto result = last_json(stage);
  say(fmt::format("  pgkeel {:.1f} s, cpu {:.1f} s, {:.0f} MB resident", cost.seconds,
                  cost.cpu_seconds, cost.resident_mb));
  note(side.backup, cost.seconds);
  side.resident_mb = std::max(side.resident_mb, cost.resident_mb);
  side.stored_mb =
      megabytes_in(stage.dir() / "store/backups" / result.at("backup").get<std::string>());
}

void back_up_pgbackrest(ArchiveStage& stage, Side& side) {
  const auto cost = stage.run_pgbackrest({"backup", "--type=full"});
  say(fmt::format("  pgbackrest {:.1f} s, cpu {:.1f} s, {:.0f} MB resident", cost.seconds,
                  cost.cpu_seconds, cost.resident_mb));
  note(side.backup, cost.seconds);
  side.resident_mb = std::max(side.resident_mb, cost.resident_mb);
  side.stored_mb = megabytes_in(fs::canonical(stage.dir() / "repo/backup/bench/latest"));
}

void back_up_pg_basebackup(ArchiveStage& stage, Side& side) {
  const auto into = stage.dir() / "basebackup";
  fs::remove_all(into);
  const auto cost =
      stage.run({stage.program("pg_basebackup"), "-d", stage.server().conninfo(), "-D",
                 into.string(), "-Ft", "-c", "fast", "--compress=client-zstd:level=3,workers=2"});
  say(fmt::format("  pg_basebackup {:.1f} s, cpu {:.1f} s, {:.0f} MB resident", cost.seconds,
                  cost.cpu_seconds, cost.resident_mb));
  note(side.backup, cost.seconds);
  side.resident_mb = std::max(side.resident_mb, cost.resident_mb);
  side.stored_mb = megabytes_in(into);
}

void restore_ours(ArchiveStage& stage, Side& side) {
  const auto into = stage.dir() / "restored";
  const auto cost = stage.run_pgkeel({"restore", "--into", into.string()});
  const auto result = last_json(stage);
  const auto copy = result.at("copy_ms").get<double>() / 1000;
  say(fmt::format("  pgkeel {:.1f} s, of which the copy {:.1f} s; cpu {:.1f} s, {} segments",
                  cost.seconds, copy, cost.cpu_seconds, result.at("segments").get<int>()));
  note(side.copy, copy);
  note(side.whole, cost.seconds);
  fs::remove_all(into);
}

void restore_pgbackrest(ArchiveStage& stage, Side& side) {
  const auto into = stage.dir() / "restored";
  stage.run({"/bin/mkdir", "-m", "700", into.string()});
  const auto copy =
      stage.run_pgbackrest({"restore", "--archive-mode=off", "--pg1-path=" + into.string()});
  const auto start = stage.run_shell(fmt::format(
      "{0} -D {1} -l {1}/log -o '-c listen_addresses= -c unix_socket_directories={1}' -w -t 600 "
      "start >/dev/null\n"
      "until [ \"$(psql -h {1} -p {2} -U postgres -qAtc 'select pg_is_in_recovery()')\" = f ]; do "
      "sleep 0.02; done\n"
      "{0} -D {1} -w stop >/dev/null",
      stage.program("pg_ctl"), into.string(), stage.server().port()));
  say(fmt::format("  pgbackrest {:.1f} s and {:.1f} s to replay; cpu {:.1f} s", copy.seconds,
                  start.seconds, copy.cpu_seconds));
  note(side.copy, copy.seconds);
  note(side.whole, copy.seconds + start.seconds);
  fs::remove_all(into);
}

void restore_pg_basebackup(ArchiveStage& stage, Side& side) {
  const auto into = stage.dir() / "restored";
  const auto cost = stage.run_shell(
      fmt::format("mkdir -m 700 {0} && zstd -q -dc {1}/base.tar.zst | tar x -C {0}\nsync -f {0}",
                  into.string(), (stage.dir() / "basebackup").string()));
  say(fmt::format("  zstd | tar {:.1f} s, cpu {:.1f} s", cost.seconds, cost.cpu_seconds));
  note(side.copy, cost.seconds);
  fs::remove_all(into);
}

Cells cells_of(const Sides& sides) {
  const auto& [ours, pgbackrest, pg_basebackup] = sides;
  return {
      {"full backup", "s", ours.backup, kBackupRatioMax, Peer{pgbackrest.backup, kPgBackRestName}},
      {"full backup beside pg_basebackup",
       "s",
       ours.backup,
       {},
       Peer{pg_basebackup.backup, kPgBaseBackupName}},
      {"restore, files copied and synced", "s", ours.copy, kRestoreRatioMax,
       Peer{pgbackrest.copy, kPgBackRestName}},
      {"restore, WAL replayed and server stopped", "s", ours.whole, kRestoreRatioMax,
       Peer{pgbackrest.whole, kPgBackRestName}},
      {"restore beside zstd | tar of pg_basebackup",
       "s",
       ours.copy,
       {},
       Peer{pg_basebackup.copy, kPgBaseBackupName}},
      {"stored size", "MB", ours.stored_mb, kSizeRatioMax,
       Peer{pgbackrest.stored_mb, kPgBackRestName}},
      {"backup resident at most", "MB", ours.resident_mb, kResidentMbMax},
  };
}

}  // namespace

Cells measure_copies(ArchiveStage& stage) {
  Sides sides;
  stage.start_receiver(ArchiveStage::Durability::Async);
  for (int round = 1; round <= stage.options().rounds; ++round) {
    say(fmt::format("full backups, round {}", round));
    back_up_ours(stage, sides.ours);
    back_up_pgbackrest(stage, sides.pgbackrest);
    back_up_pg_basebackup(stage, sides.pg_basebackup);
  }
  for (int round = 1; round <= stage.options().rounds; ++round) {
    say(fmt::format("restores, round {}", round));
    restore_ours(stage, sides.ours);
    restore_pgbackrest(stage, sides.pgbackrest);
    restore_pg_basebackup(stage, sides.pg_basebackup);
  }
  stage.end_receiver();
  return cells_of(sides);
}

}  // namespace pgkeel::bench
