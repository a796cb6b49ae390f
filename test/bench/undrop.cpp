// ./dev bench undrop: how soon a dropped table is back, from the commit of its DROP, out of the
// shadow, in a database of more than 2 GiB under `pgbench -c 4`; what that costs the others; and
// the same with pgBackRest by somebody who has the commands and the position ready.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "base/time.hpp"
#include "bench/support/cells.hpp"
#include "bench/support/job.hpp"
#include "bench/undrop.hpp"
#include "shadow/gate/status.hpp"
#include "shadow/standby/status.hpp"

namespace pgkeel::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 3;
constexpr Seconds kPatience{600};
constexpr Seconds kRest{10};
constexpr double kThroughputMin = 0.7;
constexpr double kPeerRatioMax = 0.2;  // five times as fast

constexpr const char* kConfig = R"(state_dir = "{0}/state"
[instance]
kind = "managed"
data_dir = "{0}/data"
[archive]
store = "{0}/store"
[shadow]
enabled = true
)";

struct Table {
  const char* name;
  const char* size;
  double most_ms;  ///< issue 8
  Seconds rest;    ///< before it is dropped
};
constexpr Table kTables[] = {{"t_1mb", "1 MB", 1'000, Seconds(2)},
                             {"t_100mb", "100 MB", 3'000, Seconds(5)},
                             {"t_1gb", "1 GB", 15'000, kRest}};

void say(const std::string& what) { fmt::print(stderr, "bench undrop: {}\n", what); }

template <class Condition>
void await(std::string_view what, Condition condition) {
  const auto until = SteadyClock::now() + kPatience;
  while (!condition()) {
    if (SteadyClock::now() > until) throw std::runtime_error(fmt::format("not {}", what));
    std::this_thread::sleep_for(Millis(20));
  }
}

class Shadowed {
 public:
  Shadowed() : program_(place_.dir() / "pgkeel") {
    fs::copy_file(PGKEEL_PROGRAM, program_);
    std::ofstream(place_.dir() / "pgkeel.toml") << fmt::format(kConfig, place_.dir().string());
    receiver_ = start({"receive"}, "receive.out");
    run({"backup", "now"});
    shadow_ = start({"shadow"}, "shadow.out");
    await("followed", [this] { return caught_up(); });
  }
  ~Shadowed() {
    for (const auto child : {shadow_, receiver_}) end_child(child);
  }
  Shadowed(const Shadowed&) = delete;
  Shadowed& operator=(const Shadowed&) = delete;

  LoadedServer& place() { return place_; }

  // From the commit of the DROP; what the writers did meanwhile, and right before it.
  struct Round {
    double took_ms = 0;
    double beside = 0;  ///< transactions a second
    double at_rest = 0;
    [[nodiscard]] double share() const { return beside / at_rest; }
  };
  Round lose_and_undrop(const Table& table, const Writers& writers) {
    const auto rows = place_.count(table.name);
    std::this_thread::sleep_for(table.rest);
    const auto began = writers.elapsed();
    const auto at_rest = writers.throughput(began - kRest.count(), began);
    place_.server().query(fmt::format("drop table {}", table.name));
    const auto dropped = SteadyClock::now();
    run({"undrop", fmt::format("postgres.public.{}", table.name), "--json"});
    const auto took =
        std::chrono::duration<double, std::milli>(SteadyClock::now() - dropped).count();
    const auto beside = writers.throughput(began, writers.elapsed());
    if (text_of(output()).find("\"from\":\"shadow\"") == std::string::npos)
      throw std::runtime_error("it did not come out of the shadow: " + text_of(output()));
    if (place_.count(table.name) != rows) throw std::runtime_error("rows are missing");
    await("let go", [this] { return !kept() && caught_up(); });
    return {took, beside, at_rest};
  }

 private:
  [[nodiscard]] fs::path output() const { return place_.dir() / "pgkeel.out"; }
  void run(std::vector<std::string> words) {
    words.insert(words.begin(),
                 {program_.string(), "--config", (place_.dir() / "pgkeel.toml").string()});
    static_cast<void>(run_job(words, output()));
  }
  pid_t start(std::vector<std::string> words, const char* log) {
    words.insert(words.begin(),
                 {program_.string(), "--config", (place_.dir() / "pgkeel.toml").string()});
    return test::start_child(words, place_.dir() / log);
  }
  [[nodiscard]] bool kept() const {
    const auto gate = shadow::read_gate_status(place_.dir() / "state" / shadow::kGateStatusFile);
    return !gate || std::ranges::any_of(gate->entries, &shadow::GateEntry::kept);
  }
  [[nodiscard]] bool caught_up() {
    const auto status =
        shadow::read_shadow_status(place_.dir() / "state" / shadow::kShadowStatusFile);
    if (!status || status->state != shadow::ShadowState::Following) return false;
    const auto behind = place_.server().query(fmt::format(
        "select pg_current_wal_flush_lsn() - '{}'::pg_lsn", to_string(status->replayed_lsn)));
    return std::stod(behind) < 8e6;
  }

  LoadedServer place_;
  fs::path program_;
  pid_t receiver_ = 0;
  pid_t shadow_ = 0;
};

std::vector<Cell> measure() {
  say("loading 2.3 GB");
  Shadowed shadowed;
  Writers writers(shadowed.place());
  std::vector<Cell> cells;
  double share = 0;
  for (const auto& table : kTables) {
    std::vector<double> took;
    std::vector<double> shares;
    for (int round = 0; round < kRounds; ++round) {
      const auto one = shadowed.lose_and_undrop(table, writers);
      took.push_back(one.took_ms);
      shares.push_back(one.share());
      say(fmt::format("{}: {:.0f} ms, {:.0f} tps beside, {:.0f} before", table.size, one.took_ms,
                      one.beside, one.at_rest));
    }
    share = median(shares);
    cells.push_back({fmt::format("{} back, from the DROP's commit, median", table.size), "ms",
                     median(took), table.most_ms});
    cells.push_back(
        {fmt::format("{} back, slowest", table.size), "ms", *std::ranges::max_element(took)});
  }
  cells.push_back({"pgbench -c 4 beside undrops of 1 GB, share of its throughput", "", share,
                   std::nullopt, std::nullopt, kThroughputMin});
  return cells;
}

std::vector<Cell> measure_all() {
  auto cells = measure();
  const auto theirs = undrop_with_pgbackrest("t_100mb");
  const auto ours = std::ranges::find_if(
      cells, [](const Cell& cell) { return cell.name.starts_with("100 MB back, from"); });
  if (theirs)
    cells.push_back(
        {"100 MB back beside pgBackRest by hand", "ms", ours->ours, kPeerRatioMax, theirs});
  return cells;
}

}  // namespace
}  // namespace pgkeel::bench

int main(int argc, char** argv) {
  using namespace pgkeel::bench;
  return run_bench("undrop", {argv, static_cast<std::size_t>(argc)}, measure_all);
}
