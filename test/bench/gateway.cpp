// bench gateway: a query through the gateway beside PgBouncer and the server itself. Every cell is
// the median of interleaved pairs, because the machine is shared; CPU is that of the pooler's
// process over the queries that were answered. PgBouncer 1.18 knows no prepared statements in
// transaction pooling: there its session pooling is the peer, with its servers open before.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "bench/gateway.hpp"

namespace pgkeel::bench {
namespace {

constexpr int kPairs = 8;
constexpr double kTolerance = 1.05;  // of a median of eight on a shared machine
constexpr std::array kClients = {1, 8, 32, 100};

struct Limits {
  std::array<double, 4> cpu;
  std::array<double, 4> throughput;
};
struct Mode {
  std::string name;
  Limits limits;
};

const std::vector<Mode>& modes() {
  static const std::vector<Mode> all = {
      {"simple", {{0.95, 1.0, 0.85, 0.75}, {1.0, 0.95, 1.0, 1.15}}},
      {"extended", {{0.95, 1.0, 0.85, 0.75}, {1.0, 0.95, 1.0, 1.15}}},
      {"prepared", {{0.95, 1.0, 0.85, 0.80}, {1.05, 1.05, 1.2, 1.3}}},
  };
  return all;
}

std::vector<double> each(const std::vector<Load>& loads, double Load::* what) {
  std::vector<double> values;
  for (const auto& load : loads) values.push_back(load.*what);
  return values;
}

Cell beside(std::string name, std::string unit, const std::vector<Load>& ours,
            const std::vector<Load>& theirs, double Load::* what, const std::string& peer) {
  return {.name = std::move(name),
          .unit = std::move(unit),
          .ours = median(each(ours, what)),
          .peer = Peer{median(each(theirs, what)), peer}};
}

void measure(const Poolers& poolers, const Mode& mode, std::size_t at, std::vector<Cell>& cells) {
  const auto clients = kClients[at];
  const auto& peer = mode.name == "prepared" ? poolers.session_peer() : poolers.transaction_peer();
  std::vector<Load> ours, theirs;
  for (int pair = 0; pair < kPairs; ++pair) {
    // Who goes first changes: what warms up or wears off is nobody's.
    const bool first = pair % 2 == 0;
    if (first) ours.push_back(poolers.run(poolers.ours(), mode.name, clients));
    theirs.push_back(poolers.run(peer, mode.name, clients));
    if (!first) ours.push_back(poolers.run(poolers.ours(), mode.name, clients));
  }
  const auto direct = poolers.run(poolers.direct(), mode.name, clients);
  const auto what = fmt::format("{}, {} client{}", mode.name, clients, clients == 1 ? "" : "s");
  auto cpu = beside(what + ": CPU per query", "us", ours, theirs, &Load::cpu_us, peer.name);
  cpu.at_most = mode.limits.cpu[at] * kTolerance;
  auto throughput =
      beside(what + ": throughput", "1/s", ours, theirs, &Load::throughput, peer.name);
  throughput.at_least = mode.limits.throughput[at] / kTolerance;
  auto slowest = beside(what + ": p99", "us", ours, theirs, &Load::p99_us, peer.name);
  slowest.at_most = kTolerance;
  cells.insert(cells.end(), {cpu, throughput, slowest});
  cells.push_back(
      {.name = what + ": throughput without a pooler", .unit = "1/s", .ours = direct.throughput});
}

std::vector<Cell> measure_all() {
  const Poolers poolers;
  std::vector<Cell> cells;
  for (const auto& mode : modes())
    for (std::size_t at = 0; at < kClients.size(); ++at) measure(poolers, mode, at, cells);
  measure_clients(poolers, cells);
  return cells;
}

}  // namespace
}  // namespace pgkeel::bench

int main(int count, char** arguments) {
  return pgkeel::bench::run_bench("gateway", {arguments, static_cast<std::size_t>(count)},
                                  pgkeel::bench::measure_all);
}
