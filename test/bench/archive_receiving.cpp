// See archive.hpp. Lag is asked of the server every few hundredths of a second, and read from
// receive.json; the larger counts. Throughput is pgbench's own figure.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <regex>
#include <stdexcept>
#include <thread>

#include "archive/receive/receive.hpp"
#include "archive/receive/status.hpp"
#include "bench/archive.hpp"
#include "support/wait.hpp"

namespace pgkeel::bench {
namespace {

constexpr double kLagMibMax = 16;
constexpr double kSyncRatioMin = 0.85;
constexpr double kMib = 1U << 20U;
constexpr int kPgbenchScale = 20;  // some 300 MB
constexpr int kLagSeconds = 30;
constexpr int kSyncSeconds = 10;
constexpr int kMoreRounds = 1;  // throughput swings more than copies do
constexpr int kSecondsMin = 3;  // of a smoke run
constexpr Millis kLookEvery{40};
constexpr double kCaughtUpMib = 0.1;
constexpr Seconds kCatchUpPatience{60};

int seconds_of(const ArchiveStage& stage, int full) {
  return std::max(kSecondsMin, static_cast<int>(full * std::min(1.0, stage.options().scale)));
}

double pgbench(ArchiveStage& stage, int seconds) {
  stage.run({stage.program("pgbench"), "-h", stage.server().socket_dir().string(), "-p",
             std::to_string(stage.server().port()), "-U", "postgres", "-n", "-c", "8", "-j", "2",
             "-T", std::to_string(seconds), "pgbench"});
  const auto text = stage.output();
  std::smatch found;
  if (!std::regex_search(text, found, std::regex("tps = ([0-9.]+)")))
    throw std::runtime_error("pgbench tells no tps:\n" + text);
  return std::stod(found[1]);
}

double lag_mib(ArchiveStage& stage) {
  const auto asked = stage.server().query(
      "select pg_current_wal_flush_lsn() - flush_lsn from pg_stat_replication "
      "where application_name = 'pgkeel_receiver'");
  if (asked.empty()) throw std::runtime_error("the receiver lost its stream");
  double bytes = std::stod(asked);
  if (const auto status =
          archive::read_receive_status(stage.state_dir() / archive::kReceiveStatusFile))
    bytes = std::max(bytes, static_cast<double>(status->lag_bytes));
  return bytes / kMib;
}

// A stream that begins where the last backup ended has what was loaded since before it: how fast
// that is fetched is not what keeping up means.
void await_caught_up(ArchiveStage& stage) {
  const auto caught_up = [&stage] { return lag_mib(stage) <= kCaughtUpMib; };
  if (!test::wait_until(caught_up, kCatchUpPatience))
    throw std::runtime_error("the receiver does not catch up with an idle server");
}

Cells measure_lag(ArchiveStage& stage) {
  const int seconds = seconds_of(stage, kLagSeconds);
  stage.start_receiver(ArchiveStage::Durability::Async);
  await_caught_up(stage);
  say(fmt::format("pgbench -c 8 for {} s, receiving", seconds));
  const auto before = stage.server().query("select pg_current_wal_lsn()");
  std::atomic<bool> done = false;
  double tps = 0;
  double worst = 0;
  std::exception_ptr failure;
  {
    const std::jthread load([&] {
      try {
        tps = pgbench(stage, seconds);
      } catch (...) {
        failure = std::current_exception();
      }
      done = true;
    });
    for (; !done; std::this_thread::sleep_for(kLookEvery)) worst = std::max(worst, lag_mib(stage));
  }
  if (failure) std::rethrow_exception(failure);
  const auto written =
      std::stod(stage.server().query("select pg_current_wal_lsn() - '" + before + "'::pg_lsn"));
  say(fmt::format("  {:.0f} tps, {:.1f} MiB of WAL a second, at most {:.2f} MiB behind", tps,
                  written / kMib / seconds, worst));
  stage.end_receiver();
  return {{"receiving: most behind, pgbench -c 8", "MiB", worst, kLagMibMax},
          {"receiving: WAL written meanwhile", "MiB/s", written / kMib / seconds}};
}

void make_synchronous(ArchiveStage& stage, const std::string& names) {
  stage.server().query("alter system set synchronous_standby_names = '" + names + "'");
  stage.server().reload();
}

double tps_with(ArchiveStage& stage, const std::string& name) {
  stage.server().query("checkpoint");
  make_synchronous(stage, name);
  const auto tps = pgbench(stage, seconds_of(stage, kSyncSeconds));
  make_synchronous(stage, "");
  stage.end_receiver();
  say(fmt::format("  {} {:.0f} tps", name, tps));
  return tps;
}

Cells measure_sync(ArchiveStage& stage) {
  double ours = 0;
  double peer = 0;
  for (int round = 1; round <= stage.options().rounds + kMoreRounds; ++round) {
    say(fmt::format("pgbench -c 8, each commit waiting for the archive, round {}", round));
    stage.start_receiver(ArchiveStage::Durability::Sync);
    ours = std::max(ours, tps_with(stage, "pgkeel_receiver"));
    stage.start_pg_receivewal();
    peer = std::max(peer, tps_with(stage, "pg_receivewal"));
  }
  return {{.name = "synchronous commits, pgbench -c 8",
           .unit = "tps",
           .ours = ours,
           .peer = Peer{peer, "pg_receivewal 15"},
           .at_least = kSyncRatioMin}};
}

}  // namespace

Cells measure_receiving(ArchiveStage& stage) {
  stage.server().append_config("archive_command = '/bin/true'\n");
  stage.server().reload();
  stage.server().query("create database pgbench");
  stage.run({stage.program("pgbench"), "-h", stage.server().socket_dir().string(), "-p",
             std::to_string(stage.server().port()), "-U", "postgres", "-i", "-q", "-s",
             std::to_string(std::max(1, static_cast<int>(kPgbenchScale * stage.options().scale))),
             "pgbench"});
  stage.server().query("checkpoint");
  auto cells = measure_lag(stage);
  auto sync = measure_sync(stage);
  cells.insert(cells.end(), sync.begin(), sync.end());
  return cells;
}

}  // namespace pgkeel::bench
