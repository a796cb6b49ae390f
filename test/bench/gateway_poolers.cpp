// See gateway.hpp.
#include <libpq-fe.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <fmt/format.h>

#include "base/time.hpp"
#include "bench/gateway.hpp"
#include "bench/support/cpu_meter.hpp"
#include "bench/support/job.hpp"
#include "support/child.hpp"

namespace pgkeel::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kPoolSize = 20;
constexpr int kSessionPoolSize = 110;  // every client of the largest load has a server
constexpr int kIdleClients = 5000;
constexpr int kLogins = 300;
constexpr double kIdleBytesMost = 2048;
constexpr double kLoginRatioMost = 1.2;
constexpr const char* kRole = "app";
constexpr const char* kPassword = "bench-secret";

// Clients of the idle measurement are two descriptors each, here and in the pooler.
void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

test::PostgresOptions options() {
  test::PostgresOptions options;
  options.settings = {{"max_connections", "300"}, {"shared_buffers", "128MB"}};
  return options;
}

void await(const Target& target) {
  if (!test::wait_until([&] {
        const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(
            PQconnectdb(Poolers::conninfo(target).c_str()), &PQfinish);
        return PQstatus(connection.get()) == CONNECTION_OK;
      }))
    throw std::runtime_error(target.name + " does not let anybody in");
}

// The file pgbench -l wrote: the third word of a line is how long its query took, in microseconds.
double p99_of(const fs::path& directory) {
  std::vector<double> times;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (!entry.path().filename().string().starts_with("took.")) continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      double client = 0, number = 0, took = 0;
      if (words >> client >> number >> took) times.push_back(took);
    }
    fs::remove(entry.path());
  }
  if (times.empty()) throw std::runtime_error("pgbench wrote no log");
  const auto at = times.begin() + static_cast<std::ptrdiff_t>(times.size() * 99 / 100);
  std::ranges::nth_element(times, at);
  return *at;
}

double number_behind(const std::string& text, const std::string& words) {
  const auto at = text.find(words);
  if (at == std::string::npos) throw std::runtime_error("pgbench did not say '" + words + "'");
  return std::stod(text.substr(at + words.size()));
}

void end_child(pid_t pid) {
  if (pid <= 0) return;
  ::kill(pid, SIGTERM);
  ::waitpid(pid, nullptr, 0);
}

}  // namespace

Poolers::Poolers() : server_(std::make_unique<test::PostgresServer>(options())) {
  raise_descriptor_limit();
  static_cast<void>(
      run_job({(server_->bin_dir() / "pgbench").string(), "-i", "-q", "-h",
               server_->socket_dir().string(), "-p", std::to_string(server_->port()), "postgres"},
              server_->temp_dir() / "load.out"));
  server_->query(fmt::format("create role {} login password '{}'", kRole, kPassword));
  server_->query(fmt::format("grant select on all tables in schema public to {}", kRole));
  direct_ = {"direct", server_->port(), 0};
  ours_ = start_gateway();
  transaction_ = start_pgbouncer("transaction", kPoolSize);
  session_ = start_pgbouncer("session", kSessionPoolSize);
  for (const auto& target : {ours_, transaction_, session_}) await(target);
}

Poolers::~Poolers() {
  for (const auto& target : {ours_, transaction_, session_}) end_child(target.pid);
}

Target Poolers::start_gateway() {
  const auto users = server_->temp_dir() / "gateway.users";
  std::ofstream(users) << fmt::format(
      "\"{}\" \"{}\"\n", kRole,
      server_->query(fmt::format("select rolpassword from pg_authid where rolname = '{}'", kRole)));
  test::give_to_server(users);
  Target target{"pgkeel", test::free_port(), 0};
  const auto set = [](const std::string& key, const std::string& value) {
    return "--set=" + key + "=" + value;
  };
  target.pid = test::start_child(
      {PGKEEL_PROGRAM, "gateway", set("instance.url", server_->conninfo()),
       set("gateway.listen", fmt::format("127.0.0.1:{}", target.port)),
       set("gateway.server_socket", server_->socket_dir().string()),
       set("gateway.pool", "transaction"), set("gateway.size", std::to_string(kPoolSize)),
       set("gateway.auth", "file"), set("gateway.auth_file", users.string())},
      server_->temp_dir() / "gateway.log");
  return target;
}

Target Poolers::start_pgbouncer(const std::string& pool, int size) {
  Target target{"PgBouncer 1.18" + std::string(pool == "session" ? " (session)" : ""),
                test::free_port(), 0};
  const auto users = server_->temp_dir() / "gateway.users";
  const auto file = server_->temp_dir() / ("pgbouncer." + pool);
  std::ofstream(file) << fmt::format(
      "[databases]\n* = host={} port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {}\n"
      "unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\npool_mode = {}\n"
      "default_pool_size = {}\nmax_client_conn = 10000\nlog_connections = 0\n"
      "log_disconnections = 0\n",
      server_->socket_dir().string(), server_->port(), target.port, users.string(), pool, size);
  test::give_to_server(file);
  target.pid = test::start_child({"/usr/sbin/pgbouncer", file.string()},
                                 server_->temp_dir() / ("pgbouncer.log." + pool));
  return target;
}

std::string Poolers::conninfo(const Target& target) {
  return fmt::format(
      "host=127.0.0.1 port={} dbname=postgres user={} password={} sslmode=disable "
      "gssencmode=disable",
      target.port, kRole, kPassword);
}

Load Poolers::run(const Target& target, const std::string& mode, int clients) const {
  const auto directory = server_->temp_dir() / "took";
  fs::create_directories(directory);
  test::give_to_server(directory);
  const auto output = server_->temp_dir() / "pgbench.out";
  const auto before = target.pid == 0 ? CpuTime{} : cpu_of(target.pid).value();
  static_cast<void>(run_job({(server_->bin_dir() / "pgbench").string(), "-n", "-S", "-M", mode,
                             "-c", std::to_string(clients), "-j", "1", "-T", "2", "-l",
                             "--log-prefix", (directory / "took").string(), conninfo(target)},
                            output));
  const auto after = target.pid == 0 ? CpuTime{} : cpu_of(target.pid).value();
  const auto text = text_of(output);
  Load load;
  load.throughput = number_behind(text, "tps = ");
  const auto queries = number_behind(text, "actually processed: ");
  load.cpu_us = std::chrono::duration<double, std::micro>(after - before).count() / queries;
  load.p99_us = p99_of(directory);
  return load;
}

void measure_clients(const Poolers& poolers, std::vector<Cell>& cells) {
  using Connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;
  const auto open = [](const Target& target) {
    Connection made(PQconnectdb(Poolers::conninfo(target).c_str()), &PQfinish);
    if (PQstatus(made.get()) != CONNECTION_OK) throw std::runtime_error(PQerrorMessage(made.get()));
    return made;
  };
  const auto idle_bytes = [&](const Target& target) {
    const auto before = resident_mb(target.pid).value();
    std::vector<Connection> connections;
    for (int at = 0; at < kIdleClients; ++at) connections.push_back(open(target));
    return (resident_mb(target.pid).value() - before) * 1024 * 1024 / kIdleClients;
  };
  const auto login_us = [&](const Target& target) {
    std::vector<double> took;
    for (int at = 0; at < kLogins; ++at) {
      const auto began = SteadyClock::now();
      const auto made = open(target);
      took.push_back(std::chrono::duration<double, std::micro>(SteadyClock::now() - began).count());
    }
    return median(std::move(took));
  };
  const auto& peer = poolers.transaction_peer();
  const auto ours = login_us(poolers.ours());
  cells.push_back({.name = "a login with SCRAM",
                   .unit = "us",
                   .ours = ours,
                   .at_most = kLoginRatioMost,
                   .peer = Peer{login_us(peer), peer.name}});
  const auto resident = idle_bytes(poolers.ours());
  cells.push_back({.name = "memory of an idle client",
                   .unit = "bytes",
                   .ours = resident,
                   .at_most = kIdleBytesMost});
  cells.push_back(
      {.name = "memory of an idle client of PgBouncer", .unit = "bytes", .ours = idle_bytes(peer)});
}

}  // namespace pgkeel::bench
