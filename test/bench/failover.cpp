// ./dev bench failover: how fast WAL is understood, beside pg_waldump over the same segments, and
// how soon a commit is seen through the relay. (What it takes to serve from the shadow comes here
// too.)
#include <fmt/format.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "bench/failover.hpp"
#include "bench/support/job.hpp"
#include "pg/wal/meaning.hpp"
#include "pg/wal_name.hpp"
#include "support/child.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::bench {
namespace {

using test::PostgresServer;

constexpr int kMajor = 15;
constexpr int kRuns = 5;
constexpr double kDecodedMbMin = 500;
constexpr std::size_t kPiece = 1U << 18U;  // as a receiver hands it on
constexpr double kMb = 1e6;

void say(std::string_view what) { fmt::print(stderr, "bench failover: {}\n", what); }

Lsn position(PostgresServer& server) {
  const auto lsn = parse_lsn(server.query("select pg_current_wal_insert_lsn()"));
  if (!lsn) throw std::runtime_error(lsn.error().message());
  return *lsn;
}

/// One stretch of WAL, of whole segments but for its ends.
struct Stretch {
  Lsn from;
  Lsn to;
  std::vector<std::string> segments;
  [[nodiscard]] double mb() const { return static_cast<double>(to.value - from.value) / kMb; }
};

std::string program(const PostgresServer& server, std::string_view name) {
  return (server.bin_dir() / std::string(name)).string();
}

Stretch written_by(PostgresServer& server, const std::vector<std::string>& job) {
  Stretch stretch;
  server.query("checkpoint");
  server.query("select pg_switch_wal()");
  stretch.from = position(server);
  static_cast<void>(run_job(job, server.temp_dir() / "job.log"));
  stretch.to = position(server);
  server.query("select pg_switch_wal()");
  server.query("checkpoint");
  for (auto at = stretch.from; at < stretch.to;) {
    const auto segment = pg::segment_of(TimelineId(1), at, pg::kDefaultWalSegmentBytes);
    stretch.segments.push_back(
        (server.data_dir() / "pg_wal" / pg::segment_name(segment, pg::kDefaultWalSegmentBytes))
            .string());
    at = segment.end(pg::kDefaultWalSegmentBytes);
  }
  return stretch;
}

// Every record, its checksum, its blocks and what it means. From the start of a page: what goes on
// from the segment before is skipped.
std::uint64_t decode(const Stretch& stretch) {
  pg::WalReader reader({kMajor, pg::kDefaultWalSegmentBytes},
                       pg::segment_of(TimelineId(1), stretch.from, pg::kDefaultWalSegmentBytes)
                           .start(pg::kDefaultWalSegmentBytes));
  pg::WalContents contents;
  std::uint64_t told = 0;
  for (const auto& segment : stretch.segments) {
    const auto text = text_of(segment);
    const auto bytes = std::as_bytes(std::span(text));
    for (std::size_t done = 0; done < bytes.size(); done += kPiece) {
      reader.feed(bytes.subspan(done, std::min(kPiece, bytes.size() - done)));
      while (true) {
        const auto record = reader.next();
        if (!record) throw std::runtime_error(record.error().message());
        if (!*record) break;
        if (!contents.read(**record, kMajor)) throw std::runtime_error("a record that is none");
        const auto meaning = pg::meaning_of(**record, contents, kMajor);
        if (!meaning) throw std::runtime_error(meaning.error().message());
        told += std::holds_alternative<std::monostate>(*meaning) ? 0U : 1U;
      }
    }
  }
  if (reader.position() < stretch.to) throw std::runtime_error("WAL was not read to its end");
  return told;
}

double seconds_of(const Stretch& stretch) {
  const auto began = SteadyClock::now();
  if (decode(stretch) == 0) throw std::runtime_error("the WAL meant nothing");
  return std::chrono::duration<double>(SteadyClock::now() - began).count();
}

// The same records, counted by the server's own program.
double seconds_of_waldump(const PostgresServer& server, const Stretch& stretch) {
  const auto cost = run_job(
      {program(server, "pg_waldump"), "--stats", "--path", (server.data_dir() / "pg_wal").string(),
       "--start", to_string(stretch.from), "--end", to_string(stretch.to)},
      server.temp_dir() / "waldump.log");
  return cost.seconds;
}

void measure(const PostgresServer& server, std::string_view what, const Stretch& stretch,
             std::vector<Cell>& cells) {
  say(fmt::format("{}: {:.0f} MB", what, stretch.mb()));
  std::vector<double> ours;
  std::vector<double> theirs;
  for (int run = 0; run < kRuns; ++run) {
    ours.push_back(seconds_of(stretch));
    theirs.push_back(seconds_of_waldump(server, stretch));
  }
  const auto speed = stretch.mb() / median(ours);
  cells.push_back({fmt::format("WAL decoded on one core, {}", what), "MB/s", speed, std::nullopt,
                   std::nullopt, kDecodedMbMin});
  cells.push_back({fmt::format("beside pg_waldump --stats, {}", what), "MB/s", speed, std::nullopt,
                   Peer{stretch.mb() / median(theirs), "pg_waldump 15"}});
}

std::vector<Cell> measure_all() {
  test::PostgresOptions options;
  options.settings = {{"wal_keep_size", "8GB"}, {"synchronous_commit", "off"}};
  PostgresServer server(options);
  const auto url = server.conninfo();
  std::vector<Cell> cells;
  measure(server, "a load of rows and indexes",
          written_by(server, {program(server, "pgbench"), "-i", "-q", "-s", "20", url}), cells);
  measure(server, "small transactions",
          written_by(server,
                     {program(server, "pgbench"), "-n", "-c", "4", "-j", "2", "-t", "40000", url}),
          cells);
  say("a standby of the relay under load");
  for (auto& cell : measure_relay()) cells.push_back(std::move(cell));
  say("a lost volume, again and again");
  for (auto& cell : measure_lost_volume()) cells.push_back(std::move(cell));
  return cells;
}

}  // namespace
}  // namespace pgkeel::bench

int main(int argc, char** argv) {
  using namespace pgkeel::bench;
  return run_bench("failover", {argv, static_cast<std::size_t>(argc)}, measure_all);
}
