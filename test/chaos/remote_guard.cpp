// See remote_guard.hpp.
#include "chaos/remote_guard.hpp"

#include <gtest/gtest.h>

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "incident/journal.hpp"
#include "incident/store.hpp"
#include "runtime/account.hpp"
#include "runtime/files.hpp"
#include "support/child.hpp"
#include "support/wait.hpp"

namespace pgkeel::chaos {
namespace {

constexpr std::size_t kIncidentsRead = 10;
constexpr std::size_t kLogBytes = 1U << 20U;
constexpr Seconds kEndPatience{20};
constexpr Millis kAwaited{60'000};  // reached only when a test has failed anyway

// The owner's secrets table keeps pg_dump out; the app's own table is what is guarded.
constexpr std::string_view kObjects =
    "create table orders (id bigint primary key); insert into orders select generate_series(1, "
    "100);"
    "create table secrets (id int); alter table orders owner to app";

// The paces of a test; the defaults wait a minute.
constexpr std::string_view kPaces =
    "[sense]\nlogin_every = \"300ms\"\nin_doubt = \"200ms\"\ntimeout = \"5s\"\n"
    "[recover]\nwatch_for = \"1s\"\n[http]\nlisten = \"off\"\n[gateway]\nlisten = \"off\"\n";

test::PostgresOptions options_with(std::vector<std::pair<std::string, std::string>> settings) {
  test::PostgresOptions options;
  options.settings = std::move(settings);
  return options;
}

}  // namespace

RemoteGuard::RemoteGuard(std::vector<std::pair<std::string, std::string>> settings,
                         std::string_view config, std::string_view instance)
    : server_(options_with(std::move(settings))) {
  server_.query("create role app login password 'hunter2'");
  server_.query("create database shop");
  server_.query(std::string(kObjects), "shop");
  server_.set_hba(
      "local all postgres trust\nhost all postgres 127.0.0.1/32 trust\n"
      "host all app 127.0.0.1/32 scram-sha-256\n");
  test::give_to_server(dir_.path());
  std::ofstream(dir_ / "pgkeel.toml") << "[instance]\nkind = \"remote\"\n"
                                      << instance << kPaces << config;
  app::ConfigSources sources;
  sources.file = dir_ / "pgkeel.toml";
  sources.working_dir = dir_.path();
  sources.environment = {
      {"DATABASE_URL", fmt::format("postgresql://app:hunter2@127.0.0.1:{}/shop", server_.port())}};
  auto loaded = app::load_config(sources);
  if (!loaded) throw std::runtime_error(loaded.error().message());
  config_ = std::move(loaded->config);
}

RemoteGuard::~RemoteGuard() {
  if (!guard_ || !guard_->alive()) return;
  static_cast<void>(guard_->signal(SIGTERM));
  static_cast<void>(loop_.run_until_complete(guard_->wait_exit(loop_, loop_.after(kEndPatience))));
}

runtime::ProcessSpec RemoteGuard::spec_of(std::vector<std::string> args) const {
  runtime::ProcessSpec spec;
  spec.argv = {PGKEEL_BINARY};
  spec.argv.insert(spec.argv.end(), args.begin(), args.end());
  spec.environment = {{"DATABASE_URL", config_.instance.url}};
  spec.working_dir = dir_.path();
  if (runtime::running_as_root()) spec.run_as = *runtime::account_by_name("postgres");
  return spec;
}

void RemoteGuard::start() {
  auto spec = spec_of({"guard"});
  spec.output_file = dir_ / "guard.log";
  auto started = runtime::start_process(spec);
  ASSERT_TRUE(started.has_value()) << started.error().message();
  guard_.emplace(std::move(*started));
  ASSERT_TRUE(await_status([](const app::Json& status) {
    return status.value("state", "") == "up" || status.value("state", "") == "degraded";
  })) << guard_log();
}

app::Json RemoteGuard::status() {
  auto status = app::GuardClient(config_).get("/api/v1/status");
  return status ? *status : app::Json::object();
}

bool RemoteGuard::await_status(const std::function<bool(const app::Json&)>& good) {
  return test::wait_until([&] { return good(status()); }, kAwaited);
}

std::optional<incident::Incident> RemoteGuard::incident_of(std::string_view cause) const {
  const auto store = incident::Store::open_read_only(config_.state_dir);
  if (!store) return std::nullopt;
  const incident::Journal journal(**store);
  const auto heads = journal.list(kIncidentsRead);
  if (!heads) return std::nullopt;
  for (const auto& head : *heads) {
    if (head.cause != cause) continue;
    auto whole = journal.load(head.id);
    if (whole) return std::move(*whole);
  }
  return std::nullopt;
}

bool RemoteGuard::await_incident(std::string_view cause, incident::IncidentState state) {
  return test::wait_until(
      [&] {
        const auto incident = incident_of(cause);
        return incident && incident->state == state;
      },
      kAwaited);
}

std::string RemoteGuard::output_of(std::vector<std::string> args) {
  const auto output = loop_.run_until_complete(
      runtime::run_process(loop_, spec_of(std::move(args)), loop_.after(kEndPatience)));
  return output ? output->out + output->err : output.error().message();
}

void RemoteGuard::write(std::string_view name, std::string_view text) const {
  std::ofstream(dir_ / name) << text << "\n";
}

std::string RemoteGuard::guard_log() const {
  return runtime::read_file_tail(dir_ / "guard.log", kLogBytes).value_or("no guard.log");
}

std::vector<std::string> RemoteGuard::complaints() const {
  std::vector<std::string> found;
  std::istringstream log(server_.log());
  for (std::string line; std::getline(log, line);)
    for (const auto* word : {"ERROR:", "FATAL:", "PANIC:"})
      if (line.contains(word)) found.push_back(line);
  return found;
}

}  // namespace pgkeel::chaos
