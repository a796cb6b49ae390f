// See entry_point.hpp.
#include "chaos/entry_point.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include <fmt/format.h>

#include "app/config.hpp"
#include "client/connection.hpp"
#include "instance/data_dir.hpp"
#include "instance/lock.hpp"
#include "runtime/files.hpp"
#include "runtime/proc.hpp"
#include "support/child.hpp"
#include "support/wait.hpp"

namespace pgkeel::chaos {
namespace {

constexpr Millis kAwaited{60'000};  // reached only when a test has failed anyway
constexpr Seconds kSqlDeadline{30};
constexpr std::size_t kLogBytes = 1U << 20U;

constexpr std::string_view kConfig = R"(state_dir = "{0}/state"
[instance]
kind = "embedded"
data_dir = "{0}/data"
[http]
listen = "off"
[gateway]
listen = "off"
)";

std::vector<runtime::ProcStat> children_of(pid_t parent) {
  std::vector<runtime::ProcStat> children;
  for (const pid_t pid : runtime::list_pids())
    if (auto stat = runtime::read_proc_stat(pid); stat && stat->parent == parent)
      children.push_back(std::move(*stat));
  return children;
}

runtime::Task<Result<client::Rows>> run_sql(runtime::Loop* loop, pg::Conninfo conninfo,
                                            std::string statement) {
  client::ConnectOptions options;
  options.deadline = loop->after(kSqlDeadline);
  auto connection = co_await client::Connection::open(*loop, std::move(conninfo), options);
  if (!connection) co_return fail(client::to_error(std::move(connection).error()));
  auto rows = co_await connection->execute(std::move(statement), loop->after(kSqlDeadline));
  co_return client::plain(std::move(rows));
}

}  // namespace

EntryPoint::EntryPoint(Below below) : below_(below) {
  test::give_to_server(dir_.path());
  std::ofstream(dir_ / "pgkeel.toml") << fmt::format(kConfig, dir_.path().string());
  app::ConfigSources sources;
  sources.file = dir_ / "pgkeel.toml";
  sources.working_dir = dir_.path();
  auto loaded = app::load_config(sources);
  if (!loaded) throw std::runtime_error(loaded.error().message());
  config_ = std::move(loaded->config);
}

EntryPoint::~EntryPoint() {
  if (!program_ || !program_->alive()) return;
  signal_init(SIGKILL);
  static_cast<void>(await_end());
}

void EntryPoint::launch() {
  runtime::ProcessSpec spec;
  if (below_ == Below::Nobody)
    spec.argv = {"unshare", "--pid", "--fork", "--mount-proc", "--kill-child"};
  for (const std::string& word : {std::string(PGKEEL_BINARY), std::string("guard"),
                                  std::string("--config"), (dir_ / "pgkeel.toml").string()})
    spec.argv.push_back(word);
  if (below_ == Below::EnginesInit) spec.argv.emplace_back("--entry-point");
  spec.output_file = dir_ / "guard.log";
  auto started = runtime::start_process(spec);
  ASSERT_TRUE(started.has_value()) << started.error().message();
  program_.emplace(std::move(*started));
  ASSERT_TRUE(test::wait_until(
      [this] {
        const auto children = children_of(program_->pid());
        if (below_ == Below::EnginesInit) init_ = program_->pid();
        else init_ = children.empty() ? 0 : children.front().pid;
        return init_ != 0 && guard() != 0;
      },
      kAwaited))
      << log();
}

void EntryPoint::start() {
  launch();
  await_up();
}

void EntryPoint::await_up() {
  ASSERT_TRUE(test::wait_until([this] { return state() == "up"; }, kAwaited)) << log();
}

std::string EntryPoint::state() {
  const auto status = app::GuardClient(config_).get("/api/v1/status");
  return status ? status->value("state", "") : "";
}

// The one child of PID 1 that runs its program; the others are servers and orphans.
pid_t EntryPoint::guard() const {
  const auto program = runtime::read_proc_exe(init_);
  for (const auto& child : children_of(init_)) {
    const auto exe = runtime::read_proc_exe(child.pid);
    if (program && exe && *exe == *program && child.command == "pgkeel") return child.pid;
  }
  return 0;
}

pid_t EntryPoint::postmaster() const {
  const auto found = instance::find_postmaster(data_dir(), instance::Namespace::Container);
  return found ? found->pid : 0;
}

void EntryPoint::signal_init(int number) const {
  const auto handle = runtime::ProcessHandle::open(init_);
  if (handle) static_cast<void>(handle->signal(number));
}

std::optional<runtime::ExitStatus> EntryPoint::await_end() {
  auto ended = loop_.run_until_complete(program_->wait_exit(loop_, loop_.after(kAwaited)));
  return ended ? *ended : std::nullopt;
}

std::vector<pid_t> EntryPoint::zombies() const {
  std::vector<pid_t> found;
  std::vector<pid_t> parents{init_};
  while (!parents.empty()) {
    const auto parent = parents.back();
    parents.pop_back();
    for (const auto& child : children_of(parent)) {
      if (child.state == 'Z') found.push_back(child.pid);
      parents.push_back(child.pid);
    }
  }
  return found;
}

pg::Conninfo EntryPoint::conninfo(std::string_view database) const {
  pg::Conninfo conninfo;
  conninfo.host = config_.instance.socket_dir.string();
  const auto file = instance::read_lock_file(data_dir());
  conninfo.port = file ? std::to_string(file->port) : "1";
  conninfo.user = "postgres";
  conninfo.database = database;
  return conninfo;
}

Result<client::Rows> EntryPoint::sql(std::string_view database, std::string statement) {
  return loop_.run_until_complete(run_sql(&loop_, conninfo(database), std::move(statement)));
}

pg::ControlFile EntryPoint::control() const {
  auto control = instance::read_control_file(data_dir());
  if (!control) throw std::runtime_error(control.error().message());
  return *std::move(control);
}

std::string EntryPoint::log() const {
  return runtime::read_file_tail(dir_ / "guard.log", kLogBytes).value_or("no guard.log");
}

}  // namespace pgkeel::chaos
