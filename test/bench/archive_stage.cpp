// See archive_stage.hpp.
#include "bench/archive_stage.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <stdexcept>

#include "bench/archive.hpp"
#include "bench/support/pgbackrest.hpp"
#include "support/child.hpp"
#include "support/wait.hpp"

namespace pgkeel::bench {
namespace {

namespace fs = std::filesystem;

// At scale 1: 0.55 GiB of random bytes, 1.2 GiB of rows and 0.45 GiB of indexes.
constexpr double kRandomRows = 540'000;
constexpr double kOrderRows = 10'800'000;
constexpr Millis kStreamPatience{60'000};
constexpr Millis kReceiverEnds{30'000};

// A server as people set it up, except for what makes loading quick.
std::vector<std::pair<std::string, std::string>> settings() {
  return {{"fsync", "on"},         {"full_page_writes", "on"},       {"shared_buffers", "512MB"},
          {"max_wal_size", "4GB"}, {"max_connections", "60"},        {"autovacuum", "off"},
          {"archive_mode", "on"},  {"archive_command", "/bin/true"}, {"log_checkpoints", "off"}};
}

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
  test::give_to_server(path);
}

void settle(const fs::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ::syncfs(fd);
  ::close(fd);
}

constexpr const char* kPgkeel = R"(state_dir = "{0}/state"
[instance]
kind = "managed"
data_dir = "{0}/data"
[archive]
store = "{0}/store"
compress_level = 3
)";

constexpr const char* kOrders = R"(insert into orders select g, (random() * 100000)::int,
  timestamptz '2026-01-01' + g * interval '7 s',
  'order ' || (g * 7919::bigint % 1000003) || ' of '
    || (array['bolts','nuts','screws','paint','timber','nails','glue','wire'])
       [1 + (random() * 7)::int]
    || ', shipped to street ' || (random() * 20000)::int || ', paid '
    || (random() * 1000)::numeric(8,2) || ' by '
    || (array['card','transfer','cash'])[1 + (random() * 2)::int]
  from generate_series(1, {}) g)";

}  // namespace

ArchiveStage::ArchiveStage(const ArchiveBenchOptions& options)
    : options_(options), server_({.settings = settings()}), output_(dir() / "output") {
  program_ = dir() / "pgkeel";
  fs::copy_file(PGKEEL_PROGRAM, program_);
  configure();
  load();
}

ArchiveStage::~ArchiveStage() { end_receiver(); }

std::string ArchiveStage::program(const std::string& name) const {
  return (server_.bin_dir() / name).string();
}

void ArchiveStage::configure() {
  for (const auto* name : {"repo", "lock", "spool"}) {
    fs::create_directory(dir() / name);
    test::give_to_server(dir() / name);
  }
  write_text(dir() / "pgbackrest.conf", pgbackrest_config(server_));
  write_text(dir() / "pgkeel.toml", fmt::format(kPgkeel, dir().string()));
}

void ArchiveStage::load() {
  say(fmt::format("loading a database, scale {:g}", options_.scale));
  const auto sql = [this](const std::string& text) { server_.query(text); };
  sql("create extension pgcrypto");
  sql("create table blobs (id int, body bytea)");
  sql("alter table blobs alter body set storage external");
  sql("create table orders (id int, customer int, at timestamptz, note text)");
  sql("alter system set fsync = off");
  server_.reload();
  sql(fmt::format(
      "insert into blobs select g, gen_random_bytes(1000) from generate_series(1, {}) g",
      static_cast<long>(kRandomRows * options_.scale)));
  sql(fmt::format(fmt::runtime(kOrders), static_cast<long>(kOrderRows * options_.scale)));
  sql("create index on orders (id)");
  sql("create index on orders (customer)");
  sql("vacuum (freeze, analyze)");
  sql("alter system reset fsync");
  server_.reload();
  sql("checkpoint");
  settle(dir());
  say("  " + server_.query("select pg_size_pretty(pg_database_size('postgres'))"));
  run_pgbackrest({"stanza-create"});
  server_.append_config(
      fmt::format("archive_command = 'pgbackrest --config={}/pgbackrest.conf --stanza=bench "
                  "archive-push %p'\n",
                  dir().string()));
  server_.reload();
}

JobCost ArchiveStage::run(const std::vector<std::string>& argv) {
  settle(dir());
  return run_job(argv, output_);
}

JobCost ArchiveStage::run_pgkeel(std::vector<std::string> words) {
  words.insert(words.begin(), program_.string());
  words.insert(words.end(), {"--config", (dir() / "pgkeel.toml").string(), "--json"});
  return run(words);
}

JobCost ArchiveStage::run_pgbackrest(std::vector<std::string> words) {
  words.insert(words.begin(), {"/usr/bin/pgbackrest", "--stanza=bench",
                               "--config=" + (dir() / "pgbackrest.conf").string()});
  return run(words);
}

void ArchiveStage::start_receiver(Durability durability) {
  start_streaming(
      {program_.string(), "receive", "--config", (dir() / "pgkeel.toml").string(), "--set",
       durability == Durability::Sync ? "archive.durability=sync" : "archive.durability=async"},
      "pgkeel_receiver");
}

void ArchiveStage::start_pg_receivewal() {
  const auto into = dir() / "receivewal";
  fs::create_directory(into);
  test::give_to_server(into);
  const auto dsn = server_.conninfo() + " application_name=pg_receivewal";
  run({program("pg_receivewal"), "-d", dsn, "--slot=bench", "--create-slot", "--if-not-exists"});
  start_streaming(
      {program("pg_receivewal"), "-d", dsn, "--slot=bench", "--synchronous", "-D", into.string()},
      "pg_receivewal");
}

void ArchiveStage::start_streaming(const std::vector<std::string>& argv, const std::string& name) {
  receiver_ = test::start_child(argv, dir() / "receiver.log");
  const auto streaming = test::wait_until(
      [&] {
        return server_.query(
                   "select count(*) from pg_stat_replication where state = 'streaming' and "
                   "application_name = '" +
                   name + "'") == "1";
      },
      kStreamPatience);
  if (!streaming)
    throw std::runtime_error(name + " does not stream:\n" + text_of(dir() / "receiver.log"));
}

void ArchiveStage::end_receiver() {
  if (receiver_ == 0) return;
  ::kill(receiver_, SIGTERM);
  const bool ended = test::wait_until(
      [this] { return ::waitpid(receiver_, nullptr, WNOHANG) != 0; }, kReceiverEnds);
  if (!ended) {
    ::kill(receiver_, SIGKILL);
    ::waitpid(receiver_, nullptr, 0);
  }
  receiver_ = 0;
}

}  // namespace pgkeel::bench
