// What bench undrop works on: the data, and the writers beside.
#include <sys/wait.h>
#include <csignal>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

#include "bench/support/job.hpp"
#include "bench/undrop.hpp"

namespace pgkeel::bench {
namespace {

constexpr int kPgbenchScale = 80;
constexpr int kRowsOfMb = 3'350;  // with their primary key

test::PostgresOptions options() {
  test::PostgresOptions options;
  options.settings = {{"fsync", "on"},
                      {"shared_buffers", "256MB"},
                      {"max_wal_size", "4GB"},
                      {"archive_mode", "on"},
                      {"archive_command", "/bin/true"}};
  return options;
}

}  // namespace

LoadedServer::LoadedServer() : server_(options()) {
  static_cast<void>(run_job(
      {(server_.bin_dir() / "pgbench").string(), "-i", "-q", "-s", std::to_string(kPgbenchScale),
       "-h", server_.socket_dir().string(), "-p", std::to_string(server_.port()), "postgres"},
      dir() / "load.out"));
  for (const auto& [name, mb] :
       {std::pair{"t_1mb", 1}, std::pair{"t_100mb", 100}, std::pair{"t_1gb", 1000}}) {
    server_.query(
        fmt::format("create table {} as select i as id, repeat(md5(i::text), 8) as v from "
                    "generate_series(1, {}) i",
                    name, mb * kRowsOfMb));
    server_.query(fmt::format("alter table {} add primary key (id)", name));
  }
  server_.query("vacuum analyze");
  server_.query("checkpoint");
}

std::string LoadedServer::count(const std::string& table) {
  return server_.query("select count(*) from " + table);
}

Writers::Writers(LoadedServer& on) : report_(on.dir() / "pgbench.out") {
  auto& server = on.server();
  pgbench_ = test::start_child(
      {(server.bin_dir() / "pgbench").string(), "-n", "-c", "4", "-T", "3600", "-P", "1", "-h",
       server.socket_dir().string(), "-p", std::to_string(server.port()), "postgres"},
      report_);
}

Writers::~Writers() { end_child(pgbench_); }

namespace {

struct Second {
  double at = 0;
  double tps = 0;
};

// "progress: 12.0 s, 1234.5 tps, ..."
std::vector<Second> read_report(const std::filesystem::path& file) {
  std::vector<Second> seconds;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    Second second;
    if (std::sscanf(line.c_str(), "progress: %lf s, %lf tps", &second.at, &second.tps) == 2)
      seconds.push_back(second);
  }
  return seconds;
}

}  // namespace

double Writers::elapsed() const {
  const auto seconds = read_report(report_);
  return seconds.empty() ? 0 : seconds.back().at;
}

double Writers::throughput(double from, double to) const {
  double sum = 0;
  int count = 0;
  for (const auto& second : read_report(report_)) {
    if (second.at <= from || second.at > to) continue;
    sum += second.tps;
    ++count;
  }
  return count == 0 ? 0 : sum / count;
}

void end_child(pid_t child) {
  if (child <= 0) return;
  ::kill(child, SIGTERM);
  ::waitpid(child, nullptr, 0);
}

}  // namespace pgkeel::bench
