// See examine.hpp.
#include "app/doctor/examine.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/doctor/package_log.hpp"
#include "app/doctor/room.hpp"
#include "app/guard/adviser.hpp"
#include "app/guard/event_keeper.hpp"
#include "app/guard/lifeline.hpp"
#include "app/guard/size_keeper.hpp"
#include "app/guard/startup.hpp"
#include "app/guard/unit_look.hpp"
#include "incident/ddl_trail.hpp"
#include "incident/journal.hpp"
#include "incident/store.hpp"
#include "instance/unit_journal.hpp"
#include "recover/bookkeeper.hpp"
#include "recover/mended.hpp"
#include "runtime/kernel_log.hpp"
#include "sense/senses.hpp"

namespace pgkeel::app {
namespace {

using runtime::Task;

constexpr Millis kLookEvery{25};
constexpr std::size_t kIncidentsRead = 50;
constexpr std::size_t kDdlRead = 1'000;
// A failed login means something after the second one, and a dead server's files are looked at
// last.
constexpr Millis kTryAgain{200};
// Whoever waits in front of the screen; an engine that is well answers in milliseconds.
constexpr Millis kEnginePatience{1'500};
constexpr std::size_t kGroupBytesMax = 64U << 10U;

/// What an examination works with; the ledger is opened to be read only.
struct Bench {
  const Config& config;
  runtime::Loop loop;
  std::unique_ptr<incident::Store> store;
  std::unique_ptr<incident::Ledger> ledger;
  std::unique_ptr<instance::Instance> instance;
  std::unique_ptr<sense::Senses> senses;
  sense::Options options;
};

bool serves(const sense::Observation& seen) {
  const bool host = !seen.reach.sees_files || (seen.host.seen && seen.log_watch.seen);
  return seen.login.ok() && seen.catalog.seen && seen.activity.seen && host;
}

bool is_down(const sense::Observation& seen, int confirm) {
  if (seen.process.state == sense::ProcessState::Absent)
    return seen.files.seen && (seen.host.seen || !seen.reach.sees_files);
  return seen.login.failures >= confirm && (seen.files.seen || !seen.reach.sees_files);
}

Task<void> look(Bench* bench) {
  const auto until = bench->loop.after(kLookMost);
  const auto& seen = bench->senses->observation();
  bench->senses->start();
  auto again = bench->loop.after(kTryAgain);
  while (bench->loop.now() < until && !serves(seen) &&
         !is_down(seen, bench->config.sense.confirm)) {
    static_cast<void>(co_await bench->senses->changed().wait_until(bench->loop.after(kLookEvery)));
    if (bench->loop.now() < again) continue;
    bench->senses->poke();
    again = bench->loop.after(kTryAgain);
  }
}

// The unit of a managed server: as configured, else the one that holds the process.
Task<std::string> unit_of(Bench* bench) {
  std::string unit;
  if (bench->instance->kind() != instance::Kind::Managed) co_return unit;
  unit = bench->config.instance.unit;
  if (!unit.empty() && !unit.ends_with(".service")) unit += ".service";
  const auto pid = bench->senses->observation().process.pid;
  if (!unit.empty() || pid <= 0) co_return unit;
  const auto groups = runtime::read_file(fmt::format("/proc/{}/cgroup", pid), kGroupBytesMax);
  co_return service_in(groups.value_or("")).value_or("");
}

Task<void> read_unit(Bench* bench, diagnose::History* history) {
  const auto unit = co_await unit_of(bench);
  if (unit.empty()) co_return;
  const auto state = co_await instance::unit_state(&bench->loop, unit);
  if (state) history->unit = diagnose::UnitWords{unit, state->describe(), state->failed()};
}

// Where the server logs to stderr, which its unit gave to the journal.
Task<bool> read_unit_log(Bench* bench, diagnose::History* history) {
  if (!history->unit) co_return false;
  const auto unit = history->unit->unit;
  const auto text = co_await instance::unit_log(&bench->loop, unit, history->since);
  if (!text) {
    history->log.unavailable = text.error().message();
    co_return false;
  }
  history->log = sense::log_history(pg::ServerLogFormat::Stderr, *text, history->since);
  history->log.source = "the journal of " + unit;
  co_return true;
}

// Why neither its files nor its processes are seen.
std::string_view why_blind(const instance::Instance& instance) {
  switch (instance.kind()) {
    case instance::Kind::Remote: return "the server is not on this host";
    case instance::Kind::Container:
      return "where the container's files are is not known, or not to be read by this account";
    default: return "this account may not read the server's files (run doctor as root)";
  }
}

Task<void> read_log(Bench* bench, diagnose::History* history) {
  const auto since = history->since;
  const auto& hosting = bench->senses->observation().hosting.facts;
  const bool engine_silent = hosting && !hosting->error.empty();
  std::optional<std::string> recent;
  if (!engine_silent) {
    auto told = co_await bench->instance->recent_log();
    recent = std::move(told);
  }
  if (recent) {
    history->log = sense::log_history(pg::ServerLogFormat::Stderr, *recent, since);
    history->log.source = "the engine's log of the container";
    co_return;
  }
  if (!bench->senses->observation().reach.sees_files) {
    history->log.unavailable = why_blind(*bench->instance);
    co_return;
  }
  const auto path = bench->senses->server_log();
  std::error_code error;
  if (path.empty() || !std::filesystem::exists(path, error)) {
    const bool in_journal = co_await read_unit_log(bench, history);
    if (in_journal) co_return;
  }
  if (path.empty()) {
    if (history->log.unavailable.empty())
      history->log.unavailable = "where the server logs is not known while it does not run";
    co_return;
  }
  history->log = co_await bench->loop.run_blocking(
      [path, since] { return sense::read_log_history(path, since); });
}

void read_journal(const Bench& bench, diagnose::History& history) {
  if (!bench.store) return;
  const auto incidents = incident::Journal(*bench.store).list(kIncidentsRead);
  if (!incidents) {
    history.incidents_unavailable = incidents.error().message();
    return;
  }
  for (const auto& incident : *incidents)
    if (incident.opened_at >= history.since) history.incidents.push_back(incident);
  if (auto ddl = incident::DdlTrail(*bench.store).since(history.since, kDdlRead))
    history.ddl = std::move(*ddl);
  const auto events = incident::Journal(*bench.store).probes(kEngineProbe, incident::kProbesKept);
  if (!events) return;
  for (const auto& event : *events)
    if (event.at >= wall_now() - kEngineEventsShown)
      history.engine_events.push_back({event.at, event.note});
  std::ranges::reverse(history.engine_events);
}

void read_app_logs(const Config& config, diagnose::History& history) {
  const auto since = wall_now() - kAppHistory;
  for (const auto& log : config.app_logs)
    history.app_logs.push_back(sense::read_app_log(log.path, since));
}

// The sizes the guard noted now and then.
void read_sizes(const Bench& bench, HealthExamination& health) {
  if (!bench.store) return;
  const auto samples = incident::Journal(*bench.store).probes(kSizeProbe, incident::kProbesKept);
  if (!samples) return;
  for (const auto& sample : *samples)
    if (const auto bytes = parse_size(sample.note))
      health.sizes.push_back({sample.at, static_cast<std::int64_t>(*bytes)});
}

void read_room(const Bench& bench, HealthExamination& health) {
  if (!bench.instance->capabilities().sees_files) return;
  std::optional<incident::Journal> journal;
  if (bench.store) journal.emplace(*bench.store);
  health.room =
      look_at_room(bench.config, bench.instance->data_dir(), journal ? &*journal : nullptr);
}

// The senses are done: one look of its own, in the same way they log in.
void examine_health(Bench& bench, const ExamineMore& more, Examination& examination) {
  if (!examination.seen.login.ok()) return;
  auto& health = examination.health;
  health.facts = look_at_health(bench.loop, bench.options);
  read_sizes(bench, health);
  read_room(bench, health);
  health.certificate = look_at_certificate(certificate_place(*bench.instance));
  if (more.amcheck)
    health.amcheck = check_with_amcheck(bench.loop, bench.options, health.facts, *more.amcheck);
}

void read_kernel(const Examination& examination, diagnose::History& history) {
  if (!examination.seen.reach.sees_process) {
    history.kernel_unavailable = examination.why_blind;
    return;
  }
  const auto kills = runtime::oom_kills_of("postgres", kHistory);
  if (!kills) {
    history.kernel_unavailable = kills.error().message();
    return;
  }
  const auto wall = wall_now();
  for (const auto& kill : *kills)
    history.oom_kills.push_back(fmt::format("{} {}",
                                            to_iso8601(wall - kill.ago).substr(0, 19) + "Z",
                                            kill.text.substr(0, kill.text.find(" total-vm"))));
}

std::vector<Source> sources_of(const Examination& examination) {
  const auto& [seen, history, health] =
      std::tie(examination.seen, examination.history, examination.health);
  const bool host = seen.reach.sees_files;
  const auto elsewhere = host ? std::string() : std::string(examination.why_blind);
  std::vector<Source> sources;
  const auto add = [&](std::string_view name, bool had, std::string why) {
    sources.push_back({name, had ? std::string() : std::move(why)});
  };
  add("process", seen.process.state != sense::ProcessState::Unknown,
      host ? "not seen in time" : elsewhere);
  const bool absent = seen.process.state == sense::ProcessState::Absent;
  const auto no_answer = absent ? "the server does not run" : "no answer in time";
  add("login", seen.login.ok(), seen.login.note.empty() ? no_answer : seen.login.note);
  add("files", seen.files.seen, host ? "not looked at in time" : elsewhere);
  add("host", seen.host.seen, host ? "not looked at in time" : elsewhere);
  if (seen.hosting.facts)
    add("engine", seen.hosting.facts->error.empty(), seen.hosting.facts->error);
  add("activity", seen.activity.seen && seen.activity.unavailable.empty(),
      seen.activity.unavailable.empty() ? "no session to ask in" : seen.activity.unavailable);
  if (seen.login.ok()) add("health", health.facts.seen, health.facts.unavailable);
  for (const auto& unseen : health.facts.unseen) add("health", false, unseen);
  add("server log", history.log.unavailable.empty(), history.log.unavailable);
  for (const auto& log : history.app_logs)
    add("application log", log.unavailable.empty(), log.unavailable);
  add("packages", history.updates_unavailable.empty(), history.updates_unavailable);
  add("journal", history.incidents_unavailable.empty(), history.incidents_unavailable);
  return sources;
}

// The ledger of a guard that never ran knows nothing, and nothing can be asked of it.
void open_ledger(Bench& bench, Examination& examination) {
  auto store = incident::Store::open_read_only(bench.config.state_dir);
  if (!store) {
    examination.history.incidents_unavailable =
        store.error().message() + (runtime::running_as_root() ? "" : " (run doctor as root)");
    return;
  }
  bench.store = std::move(*store);
  bench.ledger = std::make_unique<incident::Ledger>(*bench.store);
  static_cast<void>(recover::load_known(*bench.ledger, examination.known));
}

// An engine that hangs, or a container that is gone, is what is looked for.
bool is_a_finding(const Error& error) {
  return error.code == ErrorCode::EngineUnreachable || error.code == ErrorCode::NotFound;
}

Result<void> make_senses(Bench& bench) {
  auto shape = instance_config(bench.config);
  shape.engine_patience = kEnginePatience;
  TRY(instance, instance::make_instance(bench.loop, shape));
  bench.instance = std::move(instance);
  const auto found =
      bench.loop.run_until_complete(find_server(bench.instance.get(), bench.ledger.get()));
  if (!found && !is_a_finding(found.error())) return found;
  std::string port;
  if (bench.ledger) port = last_port(*bench.ledger).value_or("");
  TRY(conninfo, login_path(bench.config, *bench.instance, std::move(port)));
  auto options = sense_options(bench.config, std::move(conninfo));
  options.write_every = Millis{0};
  options.connect_as = server_account(*bench.instance);
  bench.options = options;
  bench.senses = std::make_unique<sense::Senses>(bench.loop, *bench.instance, std::move(options));
  if (!bench.ledger) return {};
  std::vector<sense::GoodFile> good;
  if (const auto files = bench.ledger->config_files())
    for (const auto& file : *files) good.push_back({file.path, file.content});
  bench.senses->set_good_files(std::move(good));
  if (auto mended = recover::mended(*bench.ledger)) bench.senses->set_mended(std::move(*mended));
  return {};
}

// Asked once, one look has to do; the guard, which acts, looks twice.
void judge(Examination& examination) {
  examination.known.confirm = 1;
  const diagnose::Case the_case{examination.seen, examination.known, examination.now,
                                examination.wall};
  examination.findings = diagnose::diagnose(the_case);
  examination.excluded = diagnose::excluded(the_case, examination.findings);
  examination.stories = diagnose::tell(examination.history.log.events);
  examination.app_stories = diagnose::tell_app(
      examination.history.app_logs, examination.history.incidents, examination.history.log);
  examination.answers = diagnose::audit(the_case, examination.history);
  judge_health(examination.health, examination.seen, examination.wall);
  examination.sources = sources_of(examination);
}

}  // namespace

Result<Examination> examine(const Config& config, const ExamineMore& more) {
  Examination examination;
  examination.known = known_of(config);
  examination.policy = policy_of(config);
  examination.history.since = wall_now() - kHistory;
  Bench bench{config, {}, {}, {}, {}, {}, {}};
  open_ledger(bench, examination);
  TRY_VOID(make_senses(bench));
  examination.instance = bench.instance->describe();
  examination.why_blind = why_blind(*bench.instance);
  bench.loop.run_until_complete(look(&bench));
  bench.loop.run_until_complete(read_unit(&bench, &examination.history));
  bench.loop.run_until_complete(read_log(&bench, &examination.history));
  examination.seen = bench.senses->observation();
  examination.now = bench.loop.now();
  examination.wall = wall_now();
  read_package_log(examination.history);
  read_journal(bench, examination.history);
  read_app_logs(config, examination.history);
  read_kernel(examination, examination.history);
  examine_health(bench, more, examination);
  examination.guard_runs = GuardClient(config).get("/api/v1/status").has_value();
  if (!examination.guard_runs) examination.known.predecessor = Lifeline(config.state_dir).killed();
  judge(examination);
  return examination;
}

incident::Severity severity_of(const Examination& examination) {
  auto worst = incident::Severity::Info;
  for (const auto& finding : examination.findings)
    worst =
        std::max(worst, finding.severity.value_or(diagnose::cause_info(finding.cause).severity));
  for (const auto& line : examination.health.lines) worst = std::max(worst, line.severity);
  return worst;
}

}  // namespace pgkeel::app
