// See startup.hpp.
#include "app/guard/startup.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "app/guard/application.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "client/connection.hpp"
#include "instance/embedded.hpp"
#include "recover/purpose.hpp"

namespace pgkeel::app {
namespace {

using runtime::Task;

constexpr Seconds kCreateDeadline{120};  // initdb on a slow disk
constexpr Seconds kStartDeadline{60};
constexpr Millis kInitialisedEvery{200};
constexpr Seconds kFirstLoginDeadline{5};
constexpr std::string_view kPortFact = "port";
constexpr std::string_view kDebianSocketDir = "/var/run/postgresql";

recover::MissingPolicy policy_of(MissingPolicy policy) {
  switch (policy) {
    case MissingPolicy::Restore: return recover::MissingPolicy::Restore;
    case MissingPolicy::RecreateEmpty: return recover::MissingPolicy::RecreateEmpty;
    case MissingPolicy::Advise: return recover::MissingPolicy::Advise;
  }
  return recover::MissingPolicy::Advise;
}

std::filesystem::path embedded_socket_dir(const Config& config) {
  if (!config.instance.socket_dir.empty()) return config.instance.socket_dir;
  auto dir = config.instance.data_dir;
  dir += ".sock";
  return dir;
}

std::string socket_dir_of(const Config& config, const instance::Instance& instance) {
  if (!config.instance.socket_dir.empty()) return config.instance.socket_dir.string();
  if (instance.kind() == instance::Kind::Embedded) return embedded_socket_dir(config).string();
  const auto postmaster = instance.find_postmaster();
  if (postmaster && !postmaster->file.socket_dir.empty()) return postmaster->file.socket_dir;
  return std::string(kDebianSocketDir);
}

// The port is written in the data directory; when that is lost, the ledger still knows it.
Result<void> remember_port(const instance::Instance& instance, incident::Ledger& ledger) {
  const auto port = instance.port();
  if (port == 0) return {};
  return ledger.set_fact(kPortFact, std::to_string(port));
}

Result<bool> identity_known(const incident::Ledger& ledger) {
  TRY(identity, ledger.identity());
  return identity.has_value();
}

// A private cluster may be made where nothing is; whether one is known is the caller's question.
bool may_be_made(const instance::Instance& instance) {
  const auto state = instance.inspect_data_dir().state;
  return instance.kind() == instance::Kind::Embedded &&
         (state == instance::DataDirState::Missing || state == instance::DataDirState::Empty);
}

// A server elsewhere may not tell its identity; then its databases are what is known of it.
Result<bool> server_known(const incident::Ledger& ledger) {
  TRY(identity, identity_known(ledger));
  TRY(databases, ledger.databases());
  return identity || !databases.empty();
}

// What the configuration gets wrong, and time does not mend: a name, a role, a password, a
// database.
bool configured_wrong(const Error& error) {
  return error.code == ErrorCode::AuthFailed || error.sqlstate.starts_with("3D") ||
         error.detail.contains("could not translate host name");
}

Task<Result<void>> try_login(runtime::Loop* loop, pg::Conninfo conninfo,
                             std::optional<runtime::Account> account) {
  client::ConnectOptions options;
  options.deadline = loop->after(kFirstLoginDeadline);
  options.application_name = "pgkeel start-up";
  options.connect_as = std::move(account);
  auto connection = co_await client::Connection::open(*loop, std::move(conninfo), options);
  if (connection) co_return Result<void>();
  auto error = client::to_error(std::move(connection).error());
  if (!configured_wrong(error)) co_return Result<void>();
  co_return fail(std::move(error));
}

instance::ClusterPlan cluster_plan(const Config& config) {
  instance::ClusterPlan plan;
  plan.data_dir = config.instance.data_dir;
  plan.bin_dir = config.instance.bin_dir;
  plan.socket_dir = embedded_socket_dir(config);
  plan.port = config.instance.port;
  return plan;
}

Task<Result<void>> create_cluster(runtime::Loop* loop, const Config* config) {
  const auto plan = cluster_plan(*config);
  log_info("making a private cluster", {{"data_dir", plan.data_dir.string()}});
  const auto created = co_await instance::Embedded::create_cluster(
      *loop, plan, instance::LedgerSays::NoClusterKnown, loop->after(kCreateDeadline));
  if (!created) co_return fail(created.error());
  log_info("private cluster made", {{"system_id", to_string(created->system_id)},
                                    {"port", created->port},
                                    {"socket_dir", created->socket_dir.string()}});
  co_return Result<void>();
}

}  // namespace

instance::InstanceConfig instance_config(const Config& config) {
  instance::InstanceConfig result;
  result.kind = config.instance.kind;
  result.data_dir = config.instance.data_dir;
  result.bin_dir = config.instance.bin_dir;
  result.unit = config.instance.unit;
  result.url = config.instance.url;
  result.container = config.instance.container;
  result.engine_socket = config.instance.engine_socket;
  result.log_file = config.instance.log_file;
  result.socket_dir = config.instance.socket_dir;
  return result;
}

Result<pg::Conninfo> login_path(const Config& config, const instance::Instance& instance,
                                std::string last_port) {
  if (!config.instance.url.empty()) {
    TRY(conninfo, pg::parse_conninfo(config.instance.url));
    if (conninfo.database.empty()) conninfo.database = "postgres";
    return conninfo;
  }
  if (auto conninfo = instance.client_path()) return *std::move(conninfo);
  pg::Conninfo conninfo;
  conninfo.host = socket_dir_of(config, instance);
  const auto port = instance.port();
  conninfo.port = port == 0 ? std::move(last_port) : std::to_string(port);
  const auto owner = instance.inspect_data_dir().owner;
  conninfo.user = instance.kind() == instance::Kind::Managed && owner ? owner->name : "postgres";
  conninfo.database = "postgres";
  return conninfo;
}

Result<pg::Conninfo> guard_conninfo(const Config& config, const instance::Instance& instance,
                                    incident::Ledger& ledger) {
  TRY_VOID(remember_port(instance, ledger));
  TRY(port, last_port(ledger));
  return login_path(config, instance, std::move(port));
}

std::optional<runtime::Account> server_account(const instance::Instance& instance) {
  if (!runtime::running_as_root() || instance.kind() == instance::Kind::Remote) return std::nullopt;
  if (auto owner = instance.inspect_data_dir().owner) return owner;
  auto usual = runtime::account_by_name("postgres");
  return usual ? std::optional(std::move(*usual)) : std::nullopt;
}

sense::Options sense_options(const Config& config, pg::Conninfo conninfo) {
  sense::Options options;
  options.login_every = config.sense.login_every;
  options.in_doubt = config.sense.in_doubt;
  options.timeout = config.sense.timeout;
  options.write_every = config.sense.write_every;
  options.watch_every = config.sense.watch_every;
  options.conninfo = std::move(conninfo);
  options.follows_port =
      config.instance.url.empty() && (config.instance.kind == instance::Kind::Managed ||
                                      config.instance.kind == instance::Kind::Embedded);
  options.follows_socket = options.follows_port && config.instance.socket_dir.empty();
  options.watched_databases = config.instance.databases;
  for (const auto& table : config.instance.required_tables)
    if (std::ranges::find(options.watched_databases, table.database) ==
        options.watched_databases.end())
      options.watched_databases.push_back(table.database);
  return options;
}

recover::Policy policy_of(const Config& config) {
  recover::Policy policy;
  policy.mode = config.mode == Mode::Act ? recover::Mode::Act : recover::Mode::Advise;
  policy.missing_table = policy_of(config.recover.missing_table);
  policy.missing_database = policy_of(config.recover.missing_database);
  policy.undrop = config.shadow.undrop == UndropPolicy::OnDemand ? recover::Undrop::OnDemand
                                                                 : recover::Undrop::Never;
  policy.owns_server = config.instance.kind == instance::Kind::Embedded;
  policy.archive = config.archive.configured();
  policy.replace_fresh_cluster = config.recover.fresh_cluster == FreshPolicy::Reattach;
  policy.end_sessions = {std::chrono::ceil<Seconds>(config.recover.idle_sessions),
                         std::chrono::ceil<Seconds>(config.recover.idle_in_transaction)};
  policy.restarts_max = config.recover.restarts.count;
  policy.restarts_window = config.recover.restarts.window;
  policy.watch_for = config.recover.watch_for;
  return policy;
}

diagnose::Known known_of(const Config& config) {
  diagnose::Known known;
  known.required_databases = config.instance.databases;
  // Made with its owner by the first start; a playbook that was faster would leave it without.
  if (makes_application(config)) std::erase(known.required_databases, config.application.database);
  for (const auto& table : config.instance.required_tables)
    known.required_tables.push_back(table.qualified());
  known.limits = {config.limits.storage_bytes, config.limits.connections, config.limits.warn_at};
  known.confirm = config.sense.confirm;
  known.keeps_archive = config.archive.configured();
  known.hung_after = std::chrono::ceil<Seconds>(config.recover.hung_after);
  known.idle_in_transaction = std::chrono::ceil<Seconds>(config.sense.idle_in_transaction);
  return known;
}

diagnose::Known watchful_known_of(const Config& config) {
  constexpr Seconds kLasting{120};  // the archiver alone rests for one
  auto known = known_of(config);
  known.lasting = std::min(kLasting, known.idle_in_transaction);
  return known;
}

std::vector<recover::Invariant> invariants_of(const Config& config) {
  std::vector<recover::Invariant> invariants;
  for (const auto& row : config.invariants) {
    auto expectation = recover::parse_expectation(row.expect);
    CHECK(expectation.has_value());  // the configuration was read with the same parser
    invariants.push_back({row.database, row.sql, row.expect, std::move(*expectation)});
  }
  return invariants;
}

std::vector<recover::Hook> hooks_of(const Config& config) {
  std::vector<recover::Hook> hooks;
  for (const auto& row : config.after_recovery)
    hooks.push_back({row.command, row.url, row.timeout});
  return hooks;
}

Result<void> ensure_homes(const Config& config) {
  std::vector<std::filesystem::path> homes;
  const auto kind = config.instance.kind;
  const bool embedded = kind == instance::Kind::Embedded;
  if (embedded || kind == instance::Kind::Remote) homes.push_back(config.state_dir.parent_path());
  if (embedded) homes.push_back(config.instance.data_dir.parent_path());
  for (const auto& home : homes) {
    std::error_code error;
    std::filesystem::create_directories(home, error);
    if (error) return fail_errno(error.value(), "create directory " + home.string());
  }
  return {};
}

std::filesystem::path find_client_programs(const Config& config, int server_major) {
  std::vector<std::filesystem::path> places;
  if (!config.instance.bin_dir.empty()) places.push_back(config.instance.bin_dir);
  constexpr int kNewestTried = 30;
  for (int major = std::max(server_major, 13); major <= kNewestTried; ++major)
    places.emplace_back(fmt::format("/usr/lib/postgresql/{}/bin", major));
  for (const auto& place : places)
    if (std::filesystem::exists(place / "pg_dump") && std::filesystem::exists(place / "psql"))
      return place;
  return {};
}

// A container that was started together with the guard initialises its volume first.
Task<Result<void>> await_initialised(runtime::Loop* loop, instance::Instance* instance) {
  const auto until = loop->after(kCreateDeadline);
  const auto serves = [instance] {
    return instance->inspect_data_dir().state == instance::DataDirState::Present &&
           instance->find_postmaster();
  };
  if (serves()) co_return Result<void>();
  log_info("waiting for the container's server", {{"instance", instance->describe()}});
  while (!serves() && loop->now() < until) {
    const auto hosting = co_await instance->inspect_hosting();
    const bool runs = hosting && hosting->error.empty() && hosting->container.running;
    if (!runs) break;  // what stands there then is judged as it is
    CO_TRY_VOID(co_await loop->sleep_for(kInitialisedEvery));
  }
  co_return Result<void>();
}

Task<Result<void>> check_first_start(runtime::Loop* loop, const Config* config,
                                     instance::Instance* instance) {
  std::error_code ignored;
  if (std::filesystem::exists(config->state_dir, ignored)) co_return Result<void>();
  if (instance->kind() == instance::Kind::Remote) {
    auto conninfo = pg::parse_conninfo(config->instance.url);
    if (!conninfo) co_return fail(conninfo.error());
    if (conninfo->database.empty()) conninfo->database = "postgres";
    auto tried = co_await try_login(loop, std::move(*conninfo), std::nullopt);
    co_return tried;
  }
  if (may_be_made(*instance)) co_return instance::Embedded::check_plan(cluster_plan(*config));
  if (instance->kind() == instance::Kind::Container) {
    CO_TRY_VOID(co_await instance->locate());
    CO_TRY_VOID(co_await await_initialised(loop, instance));
  }
  auto checked = co_await instance->preflight();
  co_return checked;
}

Result<std::string> last_port(const incident::Ledger& ledger) { return ledger.fact(kPortFact); }

Task<Result<void>> find_server(instance::Instance* instance, const incident::Ledger* ledger) {
  auto located = co_await instance->locate();
  if (located || ledger == nullptr) co_return located;
  const auto identity = ledger->identity();
  if (!identity) co_return fail(identity.error());
  if (!identity->has_value()) co_return located;
  log_warning("server not located; looking where it was last",
              {{"why", located.error().message()}, {"data_dir", (*identity)->data_dir}});
  instance->assume_data_dir((*identity)->data_dir);
  co_return Result<void>();
}

Task<Result<void>> ensure_cluster(runtime::Loop* loop, const Config* config,
                                  instance::Instance* instance, const incident::Ledger* ledger) {
  const auto known = identity_known(*ledger);
  if (!known) co_return fail(known.error());
  if (*known) co_return Result<void>();
  if (may_be_made(*instance)) {
    auto created = co_await create_cluster(loop, config);
    co_return created;
  }
  auto checked = co_await instance->preflight();
  co_return checked;
}

Task<Result<void>> ensure_started(runtime::Loop* loop, const Config* config,
                                  instance::Instance* instance, incident::Ledger* ledger) {
  if (config->instance.kind != instance::Kind::Embedded || instance->find_postmaster())
    co_return Result<void>();
  const auto on_purpose = recover::stopped_on_purpose(*ledger);
  if (!on_purpose) co_return fail(on_purpose.error());
  if (*on_purpose) {
    log_warning(
        "left stopped, as an operator left it",
        {{"start_with", fmt::format("pg_ctl start -D {}", config->instance.data_dir.string())}});
    co_return Result<void>();
  }
  const auto facts = instance->inspect_data_dir();
  const auto identity = ledger->identity();
  if (!identity) co_return fail(identity.error());
  const bool stranger =
      facts.control && identity->has_value() && (*identity)->system_id != facts.control->system_id;
  if (!facts.control || stranger || !pg::is_clean(facts.control->state)) co_return Result<void>();
  log_info("starting", {{"instance", instance->describe()}});
  instance::StartOptions options;
  options.expected = facts.control->system_id;
  const auto report = co_await instance->start(options, loop->after(kStartDeadline));
  // A start that fails is an incident for the loop to name; it looks at the same evidence.
  if (!report) log_warning("not started", {{"why", report.error().message()}});
  co_return Result<void>();
}

Task<Result<void>> ensure_login(runtime::Loop* loop, pg::Conninfo conninfo,
                                const instance::Instance* instance,
                                const incident::Ledger* ledger) {
  const auto known = server_known(*ledger);
  if (!known) co_return fail(known.error());
  const bool remote = instance->kind() == instance::Kind::Remote;
  if (*known || (!remote && !instance->find_postmaster())) co_return Result<void>();
  auto tried = co_await try_login(loop, std::move(conninfo), server_account(*instance));
  co_return tried;
}

}  // namespace pgkeel::app
