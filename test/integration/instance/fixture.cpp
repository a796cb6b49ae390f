// See fixture.hpp.
#include "integration/instance/fixture.hpp"

#include <fcntl.h>
#include <libpq-fe.h>
#include <sys/stat.h>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

namespace pgkeel::instance {

namespace fs = std::filesystem;

test::PostgresOptions InstanceTest::stopped() {
  test::PostgresOptions options;
  options.start = test::FirstStart::No;
  options.settings = {{"log_min_messages", "log"}};
  return options;
}

void InstanceTest::make_server(test::PostgresOptions options) {
  instance_.reset();
  server_ = std::make_unique<test::PostgresServer>(options);
  InstanceConfig config;
  config.kind = Kind::Managed;
  config.data_dir = server_->data_dir();
  config.log_file = log_file();
  auto made = make_instance(loop_, config);
  if (!made) throw std::runtime_error(made.error().message());
  instance_ = *std::move(made);
}

test::PostgresServer& InstanceTest::server() {
  if (!server_) make_server();
  return *server_;
}

Instance& InstanceTest::instance() {
  static_cast<void>(server());
  return *instance_;
}

Result<StartReport> InstanceTest::start(StartOptions options) {
  if (!options.expected.valid()) options.expected = identity();
  return run(instance().start(options, soon()));
}

Postmaster InstanceTest::started() {
  auto report = start();
  if (!report) throw std::runtime_error(report.error().message());
  if (!report->postmaster) throw std::runtime_error(report->server_log);
  return *report->postmaster;
}

BusyBackend::BusyBackend(const test::PostgresServer& server)
    : connection_(PQconnectdb(server.conninfo().c_str())) {
  pid_ = PQbackendPID(connection_);
  if (PQsendQuery(connection_, "select count(*) from generate_series(1, 1000000000000)") != 1)
    throw std::runtime_error(PQerrorMessage(connection_));
  const std::string state =
      "select state || coalesce(wait_event, '') from pg_stat_activity "
      "where pid = " +
      std::to_string(pid_);
  if (!test::wait_until([&] { return server.rows(state).at(0).at(0) == "active"; }))
    throw std::runtime_error("the busy backend did not become busy");
}

BusyBackend::~BusyBackend() { PQfinish(connection_); }

std::string listing(const fs::path& dir) {
  std::map<std::string, std::string> lines;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(dir, error), end; entry != end;
       entry.increment(error)) {
    struct stat status{};
    if (::lstat(entry->path().c_str(), &status) != 0) continue;
    std::ostringstream line;
    line << status.st_size << ' ' << status.st_mode << ' ' << status.st_uid << ' '
         << status.st_mtim.tv_sec << '.' << status.st_mtim.tv_nsec;
    lines[entry->path().string()] = line.str();
  }
  std::ostringstream text;
  for (const auto& [path, line] : lines) text << path << ' ' << line << '\n';
  return text.str();
}

void write_file(const fs::path& path, std::string_view content) {
  std::ofstream(path, std::ios::trunc) << content;
}

std::string read_all(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void make_old(const fs::path& path, Seconds age) {
  fs::last_write_time(path, fs::file_time_type::clock::now() - age);
}

}  // namespace pgkeel::instance
