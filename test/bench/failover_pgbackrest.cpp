// The same loss, restored with pgBackRest by somebody who has the commands ready: from the kill to
// the first new commit. It has no receiver, so what was committed since the last segment went to
// its repository is gone; here that segment was archived first.
#include <algorithm>
#include <csignal>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>

#include "base/time.hpp"
#include "bench/failover.hpp"
#include "bench/support/job.hpp"
#include "bench/support/pgbackrest.hpp"
#include "support/child.hpp"
#include "support/postgres_server.hpp"
#include "support/wait.hpp"

namespace pgkeel::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 5;
constexpr Seconds kPatience{60};
constexpr const char* kProgram = "/usr/bin/pgbackrest";

test::PostgresOptions archiving() {
  test::PostgresOptions options;
  options.settings = {{"archive_mode", "on"}, {"archive_command", "/bin/true"}, {"fsync", "on"}};
  return options;
}

class PgBackRest {
 public:
  PgBackRest() : server_(archiving()), dir_(server_.temp_dir()) {
    for (const auto* name : {"repo", "lock", "spool"}) {
      fs::create_directory(dir_ / name);
      test::give_to_server(dir_ / name);
    }
    std::ofstream(config()) << pgbackrest_config(server_);
    test::give_to_server(config());
    server_.query(kVolumeLoad);
    server_.query("create table written (n int)");
    run({"stanza-create"});
    server_.append_config(
        fmt::format("archive_command = '{} --config={} --stanza=bench archive-push %p'\n", kProgram,
                    config().string()));
    server_.reload();
    run({"backup", "--type=full"});
  }

  // Milliseconds to the first commit.
  double lose() {
    server_.query("insert into written values (1)");
    await_archived(server_.query("select pg_walfile_name(pg_switch_wal())"));
    const auto lost = SteadyClock::now();
    server_.kill9();
    server_.await_processes_gone();
    std::error_code error;
    fs::remove_all(server_.data_dir(), error);
    fs::create_directory(server_.data_dir());
    fs::permissions(server_.data_dir(), fs::perms::owner_all);
    test::give_to_server(server_.data_dir());
    run({"restore"});
    server_.start();
    if (!test::wait_until([&] { return writes(); }, kPatience))
      throw std::runtime_error("pgBackRest's copy does not write");
    return std::chrono::duration<double, std::milli>(SteadyClock::now() - lost).count();
  }

 private:
  [[nodiscard]] fs::path config() const { return dir_ / "pgbackrest.conf"; }
  void run(std::vector<std::string> words) {
    words.insert(words.begin(), {kProgram, "--stanza=bench", "--config=" + config().string()});
    static_cast<void>(run_job(words, dir_ / "pgbackrest.out"));
  }
  void await_archived(const std::string& segment) {
    const auto archived = [&] {
      return server_.query(fmt::format("select last_archived_wal >= '{}' from pg_stat_archiver",
                                       segment)) == "t";
    };
    if (!test::wait_until(archived, kPatience)) throw std::runtime_error("WAL was not archived");
  }
  [[nodiscard]] bool writes() const {
    try {
      server_.query("insert into written values (2)");
      return true;
    } catch (const std::exception&) {
      return false;  // still in recovery
    }
  }

  test::PostgresServer server_;
  fs::path dir_;
};

}  // namespace

std::optional<Peer> lost_volume_with_pgbackrest() {
  if (!fs::exists(kProgram)) return std::nullopt;
  PgBackRest other;
  std::vector<double> took;
  for (int round = 0; round < kRounds; ++round) {
    took.push_back(other.lose());
    fmt::print(stderr, "bench failover: volume lost, pgBackRest: {:.0f} ms\n", took.back());
  }
  return Peer{median(took), "pgbackrest 2.45"};
}

}  // namespace pgkeel::bench
