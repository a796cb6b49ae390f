// The same table by hand with pgBackRest, by somebody who knows where it was dropped and has every
// command ready: restore to that position beside, start, dump, load. Under the same pgbench.
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>

#include "base/time.hpp"
#include "bench/support/job.hpp"
#include "bench/support/pgbackrest.hpp"
#include "bench/undrop.hpp"
#include "support/wait.hpp"

namespace pgkeel::bench {
namespace {

namespace fs = std::filesystem;

constexpr Seconds kPatience{600};
constexpr const char* kProgram = "/usr/bin/pgbackrest";

class ByHand {
 public:
  ByHand() {
    for (const auto* name : {"repo", "lock", "spool", "copy"}) {
      fs::create_directory(dir() / name);
      test::give_to_server(dir() / name);
    }
    fs::permissions(dir() / "copy", fs::perms::owner_all);
    std::ofstream(config()) << pgbackrest_config(place_.server());
    test::give_to_server(config());
    run({"stanza-create"});
    place_.server().append_config(
        fmt::format("archive_command = '{} --config={} --stanza=bench archive-push %p'\n", kProgram,
                    config().string()));
    place_.server().reload();
    run({"backup", "--type=full"});
  }

  double lose_and_load(const std::string& table) {
    const Writers writers(place_);
    const auto rows = place_.count(table);
    const auto before = place_.server().query("select pg_current_wal_insert_lsn()");
    place_.server().query("drop table " + table);
    const auto dropped = SteadyClock::now();
    await_archived(place_.server().query("select pg_walfile_name(pg_switch_wal())"));
    run({"restore", "--pg1-path=" + (dir() / "copy").string(), "--type=lsn", "--target=" + before,
         "--target-action=promote"});
    shell(
        fmt::format("{0}/pg_ctl -w -t 600 -D {1}/copy -o \"-p 5999 -k {1} -c archive_mode=off "
                    "-c listen_addresses=''\" -l {1}/copy.log start",
                    bin(), dir().string()));
    shell(
        fmt::format("{0}/pg_dump -h {1} -p 5999 -t {2} postgres | {0}/psql -q -v ON_ERROR_STOP=1 "
                    "-h {3} -p {4} postgres",
                    bin(), dir().string(), table, place_.server().socket_dir().string(),
                    place_.server().port()));
    const auto took =
        std::chrono::duration<double, std::milli>(SteadyClock::now() - dropped).count();
    shell(fmt::format("{}/pg_ctl -D {}/copy -m immediate stop", bin(), dir().string()));
    if (place_.count(table) != rows) throw std::runtime_error("pgBackRest's copy lacks rows");
    return took;
  }

 private:
  [[nodiscard]] fs::path dir() const { return place_.dir(); }
  [[nodiscard]] fs::path config() const { return dir() / "pgbackrest.conf"; }
  [[nodiscard]] std::string bin() { return place_.server().bin_dir().string(); }
  void run(std::vector<std::string> words) {
    words.insert(words.begin(), {kProgram, "--stanza=bench", "--config=" + config().string()});
    static_cast<void>(run_job(words, dir() / "pgbackrest.out"));
  }
  void shell(const std::string& script) {
    static_cast<void>(run_job({"/bin/sh", "-ec", script}, dir() / "shell.out"));
  }
  void await_archived(const std::string& segment) {
    const auto archived = [&] {
      return place_.server().query(fmt::format(
                 "select last_archived_wal >= '{}' from pg_stat_archiver", segment)) == "t";
    };
    if (!test::wait_until(archived, kPatience)) throw std::runtime_error("WAL was not archived");
  }

  LoadedServer place_;
};

}  // namespace

std::optional<Peer> undrop_with_pgbackrest(const std::string& table) {
  if (!fs::exists(kProgram)) return std::nullopt;
  fmt::print(stderr, "bench undrop: loading the same for pgBackRest\n");
  ByHand other;
  const auto took = other.lose_and_load(table);
  fmt::print(stderr, "bench undrop: {} by pgBackRest: {:.0f} ms\n", table, took);
  return Peer{took, "pgbackrest 2.45"};
}

}  // namespace pgkeel::bench
