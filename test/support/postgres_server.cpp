// See postgres_server.hpp.
#include "support/postgres_server.hpp"

#include <libpq-fe.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <csignal>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "support/child.hpp"
#include "support/proc_scan.hpp"
#include "support/template_cluster.hpp"

namespace pgkeel::test {
namespace {

constexpr std::size_t kLogTailBytes = 4000;
constexpr Millis kQuitPatience{5'000};
constexpr int kSharedMemoryLine = 7;

using ConnectionPtr = std::unique_ptr<PGconn, decltype(&PQfinish)>;
using ResultPtr = std::unique_ptr<PGresult, decltype(&PQclear)>;

std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string base_config(std::uint16_t port, const std::filesystem::path& socket_dir) {
  std::ostringstream text;
  text << "port = " << port << "\nlisten_addresses = '127.0.0.1'\n"
       << "unix_socket_directories = '" << socket_dir.string() << "'\n"
       << "fsync = off\nfull_page_writes = off\nmax_connections = 50\nshared_buffers = 16MB\n"
       << "max_wal_size = 128MB\nmin_wal_size = 32MB\nlog_min_messages = warning\n"
       << "log_line_prefix = '%m [%p] '\nlogging_collector = off\n"
       << "dynamic_shared_memory_type = mmap\n";  // dies with the directory, also after kill -9
  return text.str();
}

int signal_of(Shutdown mode) {
  switch (mode) {
    case Shutdown::Smart: return SIGTERM;
    case Shutdown::Fast: return SIGINT;
    case Shutdown::Immediate: return SIGQUIT;
  }
  return SIGINT;
}

ConnectionPtr connect(const std::string& conninfo) {
  return {PQconnectdb((conninfo + " connect_timeout=10").c_str()), &PQfinish};
}

std::vector<PostgresServer::Row> rows_of(const PGresult* result) {
  std::vector<PostgresServer::Row> rows;
  for (int row = 0; row < PQntuples(result); ++row) {
    PostgresServer::Row values;
    for (int column = 0; column < PQnfields(result); ++column)
      values.push_back(PQgetisnull(result, row, column) != 0
                           ? std::optional<std::string>()
                           : std::optional<std::string>(PQgetvalue(result, row, column)));
    rows.push_back(std::move(values));
  }
  return rows;
}

}  // namespace

PostgresServer::PostgresServer(const PostgresOptions& options)
    : options_(options),
      data_dir_(options.data_dir.empty() ? temp_ / "data" : options.data_dir),
      port_(free_port()) {
  give_to_server(temp_.path());
  std::filesystem::create_directory(socket_dir());
  give_to_server(socket_dir());
  if (!options_.copy_of.empty()) copy_cluster(options_.copy_of, data_dir_);
  else if (options_.identity == Identity::Fresh) init_fresh_cluster(options_.bin_dir, data_dir_);
  else copy_template_cluster(options_.bin_dir, options_.major, data_dir_);
  append_config(base_config(port_, socket_dir()));
  for (const auto& [name, value] : options_.settings) append_config(name + " = '" + value + "'\n");
  if (options_.start == FirstStart::Yes) start();
}

PostgresServer::~PostgresServer() { end_everything(); }

std::string PostgresServer::conninfo(std::string_view database) const {
  return "host=127.0.0.1 port=" + std::to_string(port_) +
         " user=postgres sslmode=disable dbname=" + std::string(database);
}

pid_t PostgresServer::pid() const {
  std::ifstream file(data_dir_ / "postmaster.pid");
  pid_t pid = 0;
  file >> pid;
  return file ? pid : 0;
}

bool PostgresServer::running() const {
  reap();
  const pid_t postmaster = pid();
  const char state = postmaster > 0 ? proc_state(postmaster) : '\0';
  return state != '\0' && state != 'Z' && state != 'X';
}

std::string PostgresServer::log() const { return read_all(log_file()); }

void PostgresServer::reap() const {
  if (child_ > 0 && ::waitpid(child_, nullptr, WNOHANG) != 0) child_ = 0;
}

void PostgresServer::start() {
  await_processes_gone();
  child_ =
      start_child({(options_.bin_dir / "postgres").string(), "-D", data_dir_.string()}, log_file());
  await_ready();
}

void PostgresServer::await_ready() {
  const bool ended = wait_until([this] {
    reap();
    if (child_ == 0) return true;
    // One reading for both: the file of the server before may be replaced between two.
    const std::string file = read_all(data_dir_ / "postmaster.pid");
    return file.starts_with(std::to_string(child_) + '\n') &&
           (file.find("\nready") != std::string::npos ||
            file.find("\nstandby") != std::string::npos);
  });
  if (ended && child_ != 0) return;
  const std::string text = log();
  throw std::runtime_error("the test server did not start:\n" +
                           text.substr(text.size() - std::min(text.size(), kLogTailBytes)));
}

void PostgresServer::stop(Shutdown mode) {
  const pid_t postmaster = pid();
  if (postmaster > 0) ::kill(postmaster, signal_of(mode));
  await_processes_gone();
}

void PostgresServer::reload() {
  if (const pid_t postmaster = pid(); postmaster > 0) ::kill(postmaster, SIGHUP);
}

void PostgresServer::kill9() {
  const pid_t postmaster = pid();
  if (postmaster <= 0) return;
  ::kill(postmaster, SIGKILL);
  const bool gone = wait_until([this, postmaster] {
    reap();
    const char state = proc_state(postmaster);
    return state == '\0' || state == 'Z';
  });
  if (!gone) throw std::runtime_error("a killed postmaster did not go away");
}

void PostgresServer::await_processes_gone() {
  const bool gone = wait_until([this] {
    reap();
    return pids_in(data_dir_).empty();
  });
  if (!gone) throw std::runtime_error("processes of the test server stayed");
}

// A killed postmaster leaves its System V interlock segment behind; line 7 of its lock file has the
// key and the id.
void PostgresServer::remove_shared_memory() const noexcept {
  std::ifstream file(data_dir_ / "postmaster.pid");
  std::string line;
  for (int number = 1; number <= kSharedMemoryLine; ++number)
    if (!std::getline(file, line)) return;
  std::istringstream words(line);
  unsigned long key = 0;
  int id = -1;
  if (words >> key >> id) ::shmctl(id, IPC_RMID, nullptr);
}

void PostgresServer::end_everything() noexcept {
  const auto all_gone = [this] {
    reap();
    return pids_in(data_dir_).empty();
  };
  for (const pid_t pid : pids_in(data_dir_)) {
    ::kill(pid, SIGQUIT);
    ::kill(pid, SIGCONT);
  }
  const auto kill_all = [this, &all_gone] {
    for (const pid_t pid : pids_in(data_dir_)) ::kill(pid, SIGKILL);
    return all_gone();
  };
  if (wait_until(all_gone, kQuitPatience) || wait_until(kill_all)) remove_shared_memory();
}

void PostgresServer::set_hba(std::string_view text) {
  std::ofstream(data_dir_ / "pg_hba.conf", std::ios::trunc) << text;
  if (running()) reload();
}

void PostgresServer::append_config(std::string_view lines) {
  std::ofstream(data_dir_ / "postgresql.conf", std::ios::app) << lines;
}

std::vector<PostgresServer::Row> PostgresServer::rows(const std::string& sql,
                                                      const std::string& database) const {
  const ConnectionPtr connection = connect(conninfo(database));
  if (PQstatus(connection.get()) != CONNECTION_OK)
    throw std::runtime_error(PQerrorMessage(connection.get()));
  const ResultPtr result(PQexec(connection.get(), sql.c_str()), &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
    throw std::runtime_error(sql + ": " + PQerrorMessage(connection.get()));
  return rows_of(result.get());
}

std::string PostgresServer::query(const std::string& sql, const std::string& database) const {
  const std::vector<Row> all = rows(sql, database);
  return all.empty() || all.front().empty() ? std::string() : all.front().front().value_or("");
}

bool PostgresServer::accepts_login(const std::string& database) const {
  return PQstatus(connect(conninfo(database)).get()) == CONNECTION_OK;
}

}  // namespace pgkeel::test
