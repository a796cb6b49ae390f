// See stage.hpp.
#include "app/demo/stage.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <thread>

#include "app/demo/strays.hpp"
#include "app/guard/startup.hpp"
#include "base/log.hpp"
#include "client/connection.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"
#include "instance/embedded.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {
namespace {

namespace fs = std::filesystem;

constexpr Seconds kReadyDeadline{120};  // initdb and a first start on a slow disk
constexpr Seconds kEndDeadline{30};
constexpr Seconds kSqlDeadline{30};
constexpr Millis kPollEvery{50};

// The demo's own pace: a short stability watch so that it ends by itself.
constexpr std::string_view kConfig = R"(state_dir = "{0}/state"
[instance]
kind = "embedded"
{1}databases = ["shop"]
required_tables = ["shop.public.ledger"]
[recover]
missing_table = "recreate-empty"
restarts = "50 per 300s"
watch_for = "10min"
[http]
listen = "off"
)";

template <class Condition>
Result<void> poll_until(Seconds patience, const std::stop_token& stop, std::string_view what,
                        Condition condition) {
  const auto deadline = SteadyClock::now() + patience;
  while (SteadyClock::now() < deadline) {
    if (condition()) return {};
    if (stop.stop_requested()) return fail(ErrorCode::Cancelled, "told to stop");
    std::this_thread::sleep_for(kPollEvery);
  }
  return fail(ErrorCode::TimedOut,
              fmt::format("{} did not happen within {}", what, humane_duration(patience)));
}

Result<fs::path> temporary_directory() {
  std::string name = "/tmp/pgkeel-demo-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) return fail_errno(errno, "create " + name);
  ::chmod(name.c_str(), 0755);  // the server's account has to pass through
  return fs::path(name);
}

runtime::Task<Result<client::Rows>> run_sql(runtime::Loop* loop, pg::Conninfo conninfo,
                                            std::string statement) {
  client::ConnectOptions options;
  options.deadline = loop->after(kSqlDeadline);
  options.application_name = "demo";
  auto connection = co_await client::Connection::open(*loop, std::move(conninfo), options);
  if (!connection) co_return fail(client::to_error(std::move(connection).error()));
  auto rows = co_await connection->execute(std::move(statement), loop->after(kSqlDeadline));
  co_return client::plain(std::move(rows));
}

}  // namespace

Result<std::unique_ptr<Stage>> Stage::build(StageOptions options) {
  std::unique_ptr<Stage> stage(new Stage(std::move(options)));
  TRY(directory, temporary_directory());
  stage->directory_ = directory;
  TRY_VOID(stage->write_config());
  TRY_VOID(stage->start_guard());
  TRY_VOID(stage->await_ready());
  TRY_VOID(stage->make_victims());
  TRY_VOID(stage->await_known());
  return stage;
}

Stage::~Stage() {
  end_guard();
  const auto locks = end_strays(directory_ / "state", kEndDeadline);
  if (!locks) log_error("something of the stage still runs", {{"what", locks.error().message()}});
  end_server();
  const auto ended = end_servers_below(directory_, kEndDeadline);
  if (!ended) log_error("something of the stage still runs", {{"what", ended.error().message()}});
  std::error_code ignored;
  if (!keep_ && !directory_.empty()) fs::remove_all(directory_, ignored);
}

// A container's data is found through its mounts.
std::string Stage::data_dir_line() const {
  const auto names_container = [](const auto& variable) {
    return variable.first == "PGKEEL_INSTANCE_CONTAINER";
  };
  if (std::ranges::any_of(options_.environment, names_container)) return "";
  return fmt::format("data_dir = \"{}/data\"\n", directory_.string());
}

Result<void> Stage::write_config() {
  const auto file = directory_ / "pgkeel.toml";
  const auto text = fmt::format(kConfig, directory_.string(), data_dir_line()) + options_.config;
  TRY_VOID(runtime::write_file_atomic(file, text, {0644, std::nullopt}));
  ConfigSources sources;
  sources.file = file;
  sources.working_dir = directory_;
  sources.environment.insert(options_.environment.begin(), options_.environment.end());
  TRY(loaded, load_config(sources));
  config_ = std::move(loaded.config);
  TRY(instance, instance::make_instance(loop_, instance_config(config_)));
  instance_ = std::move(instance);
  return loop_.run_until_complete(instance_->locate());
}

fs::path Stage::program() const {
  return options_.program.empty() ? fs::read_symlink("/proc/self/exe") : options_.program;
}

Result<void> Stage::command(std::vector<std::string> words) {
  runtime::ProcessSpec spec;
  spec.argv = std::move(words);
  spec.argv.insert(spec.argv.begin(), program().string());
  spec.argv.insert(spec.argv.end(), {"--config", (directory_ / "pgkeel.toml").string()});
  spec.environment = options_.environment;
  spec.working_dir = directory_;
  TRY(ran, loop_.run_until_complete(
               runtime::run_process(loop_, std::move(spec), loop_.after(kReadyDeadline))));
  if (ran.exit.ok()) return {};
  return fail(ErrorCode::ChildFailed, ran.err);
}

Result<void> Stage::start_guard(const GuardEnvironment& more) {
  runtime::ProcessSpec spec;
  spec.argv = {program().string(), "guard", "--config", (directory_ / "pgkeel.toml").string()};
  spec.environment = {{"PGKEEL_GATEWAY_LISTEN", "off"}};  // stages stand side by side
  spec.environment.insert(spec.environment.end(), options_.environment.begin(),
                          options_.environment.end());
  spec.environment.insert(spec.environment.end(), more.begin(), more.end());
  spec.working_dir = directory_;
  spec.output_file = directory_ / "guard.log";
  spec.session = runtime::ProcessSpec::Session::New;
  TRY(handle, runtime::start_process(spec));
  guard_.emplace(std::move(handle));
  return {};
}

Result<void> Stage::await_ready() {
  auto up = poll_until(kReadyDeadline, stop(), "the guarded server's start", [this] {
    if (!guard_->alive()) return true;
    const auto status = client().get("/api/v1/status");
    // The database the configuration requires is made by the guard as soon as it is up.
    return status && status->value("state", "") == "up" && sql("shop", "select 1").has_value();
  });
  if (up && guard_->alive()) return {};
  if (!up && up.error().code == ErrorCode::Cancelled) return up;
  keep();
  const auto log = runtime::read_file_tail(directory_ / "guard.log", 2000);
  return fail(ErrorCode::Failed, "the guard did not come up: " + log.value_or("no log"));
}

Result<void> Stage::make_victims() {
  TRY_VOID(sql("shop",
               "create table if not exists ledger (n bigint not null,"
               " at timestamptz not null default now());"
               "create index if not exists ledger_n on ledger (n)"));
  TRY_VOID(
      sql("shop", fmt::format("create table orders (id bigserial primary key, item text not null);"
                              "create index orders_item on orders (item);"
                              "insert into orders (item) select 'item ' || i"
                              " from generate_series(1, {}) i",
                              kDemoOrders)));
  for (const auto* table : {"baskets", "visits"})
    TRY_VOID(sql("shop", fmt::format("create table {} as select i id, 'row ' || i note"
                                     " from generate_series(1, {}) i;"
                                     "alter table {} add primary key (id)",
                                     table, kDemoVisits, table)));
  static_cast<void>(sql("postgres", "create database crm"));  // or the guard has: it is required
  TRY_VOID(sql("crm", fmt::format("create table contacts (id bigint primary key, name text);"
                                  "insert into contacts select i, 'contact ' || i"
                                  " from generate_series(1, {}) i",
                                  kDemoContacts)));
  return {};
}

// Breaking begins when the guard's ledger has everything: tables, definitions, configuration.
Result<void> Stage::await_known() {
  return poll_until(kReadyDeadline, stop(), "the ledger's knowledge of all tables", [this] {
    auto store = incident::Store::open_read_only(config_.state_dir);
    if (!store) return false;
    const incident::Ledger ledger(**store);
    const auto knows = [&](std::string_view database, std::string_view table) {
      const auto relations = ledger.relations(database);
      const auto definitions = ledger.definitions(database);
      const bool listed = relations && std::ranges::any_of(*relations, [&](const auto& relation) {
                            return relation.name == table;
                          });
      return listed && definitions && *definitions &&
             (*definitions)->dump.find(table) != std::string::npos;
    };
    const auto config = ledger.config_files();
    return config && !config->empty() && knows("shop", "orders") && knows("shop", "visits") &&
           knows("crm", "contacts");
  });
}

pg::Conninfo Stage::conninfo(std::string_view database) const {
  pg::Conninfo conninfo;
  if (!config_.instance.url.empty()) {
    conninfo = pg::parse_conninfo(config_.instance.url).value_or(pg::Conninfo{});
    conninfo.database = database;
    return conninfo;
  }
  conninfo.host = config_.instance.socket_dir.string();
  conninfo.port = std::to_string(instance_->port());
  conninfo.user = "postgres";
  conninfo.database = database;
  return conninfo;
}

Result<client::Rows> Stage::sql(std::string_view database, std::string statement) {
  return loop_.run_until_complete(run_sql(&loop_, conninfo(database), std::move(statement)));
}

// Initialised once and copied for each use, which takes a tenth of the time.
Result<fs::path> Stage::make_stranger() {
  instance::ClusterPlan plan;
  plan.data_dir = directory_ / "stranger.first";
  plan.socket_dir = config_.instance.socket_dir;
  plan.port = instance_->port();
  if (!fs::exists(plan.data_dir))
    TRY_VOID(loop_.run_until_complete(instance::Embedded::create_cluster(
        loop_, plan, instance::LedgerSays::NoClusterKnown, loop_.after(kReadyDeadline))));
  auto stranger = directory_ / "stranger";
  runtime::ProcessSpec spec;
  spec.argv = {"cp", "-a", plan.data_dir.string(), stranger.string()};
  TRY(copied, loop_.run_until_complete(
                  runtime::run_process(loop_, std::move(spec), loop_.after(kReadyDeadline))));
  if (!copied.exit.ok()) return fail(ErrorCode::ChildFailed, "cp: " + copied.err);
  return stranger;
}

void Stage::end_guard() {
  if (!guard_ || !guard_->alive()) return;
  static_cast<void>(guard_->signal(SIGTERM));
  static_cast<void>(guard_->signal(SIGCONT));
  const auto ended = loop_.run_until_complete(guard_->wait_exit(loop_, loop_.after(kEndDeadline)));
  if (!ended && guard_->alive()) static_cast<void>(kill_guard());
}

Result<void> Stage::kill_guard() {
  TRY_VOID(guard_->signal(SIGKILL));
  TRY(status, await_guard_end(kEndDeadline));
  if (status.signal == SIGKILL) return {};
  return fail(ErrorCode::WrongState, "the guard had ended before: " + status.describe());
}

Result<runtime::ExitStatus> Stage::await_guard_end(Seconds patience) {
  TRY(status, loop_.run_until_complete(guard_->wait_exit(loop_, loop_.after(patience))));
  if (!status) return fail(ErrorCode::WrongState, "the guard was reaped before");
  return *status;
}

void Stage::end_server() {
  if (!instance_ || !instance_->find_postmaster()) return;
  static_cast<void>(loop_.run_until_complete(
      instance_->stop(instance::StopMode::Immediate, loop_.after(kEndDeadline))));
}

}  // namespace pgkeel::app
