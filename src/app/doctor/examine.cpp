// See examine.hpp.
#include "app/doctor/examine.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "app/api_client.hpp"
#include "app/doctor/package_log.hpp"
#include "app/guard/lifeline.hpp"
#include "app/guard/startup.hpp"
#include "incident/journal.hpp"
#include "incident/store.hpp"
#include "recover/bookkeeper.hpp"
#include "runtime/kernel_log.hpp"
#include "sense/senses.hpp"

namespace pgkeel::app {
namespace {

using runtime::Task;

constexpr Millis kLookEvery{25};
constexpr std::size_t kIncidentsRead = 50;
// A failed login means something after the second one, and a dead server's files are looked at
// last.
constexpr Millis kTryAgain{200};

/// What an examination works with; the ledger is opened to be read only.
struct Bench {
  const Config& config;
  runtime::Loop loop;
  std::unique_ptr<incident::Store> store;
  std::unique_ptr<incident::Ledger> ledger;
  std::unique_ptr<instance::Instance> instance;
  std::unique_ptr<sense::Senses> senses;
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

Task<void> read_log(Bench* bench, diagnose::History* history) {
  const auto since = history->since;
  auto recent = co_await bench->instance->recent_log();
  if (recent) {
    history->log = sense::log_history(pg::ServerLogFormat::Stderr, *recent, since);
    history->log.source = "the engine's log of the container";
    co_return;
  }
  if (!bench->senses->observation().reach.sees_files) {
    history->log.unavailable = "the server's log is not on this host";
    co_return;
  }
  const auto path = bench->senses->server_log();
  if (path.empty()) {
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
}

void read_kernel(const sense::Observation& seen, diagnose::History& history) {
  if (!seen.reach.sees_process) {
    history.kernel_unavailable = "the server's machine is another one";
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

std::vector<Source> sources_of(const sense::Observation& seen, const diagnose::History& history) {
  const bool host = seen.reach.sees_files;
  const auto elsewhere = host ? std::string() : std::string("the server is not on this host");
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
  add("server log", history.log.unavailable.empty(), history.log.unavailable);
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

Result<void> make_senses(Bench& bench) {
  TRY(instance, instance::make_instance(bench.loop, instance_config(bench.config)));
  bench.instance = std::move(instance);
  TRY_VOID(bench.loop.run_until_complete(find_server(bench.instance.get(), bench.ledger.get())));
  std::string port;
  if (bench.ledger) port = last_port(*bench.ledger).value_or("");
  TRY(conninfo, login_path(bench.config, *bench.instance, std::move(port)));
  auto options = sense_options(bench.config, std::move(conninfo));
  options.write_every = Millis{0};
  options.connect_as = server_account(*bench.instance);
  bench.senses = std::make_unique<sense::Senses>(bench.loop, *bench.instance, std::move(options));
  if (!bench.ledger) return {};
  std::vector<sense::GoodFile> good;
  if (const auto files = bench.ledger->config_files())
    for (const auto& file : *files) good.push_back({file.path, file.content});
  bench.senses->set_good_files(std::move(good));
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
  examination.answers = diagnose::audit(the_case, examination.history);
  examination.sources = sources_of(examination.seen, examination.history);
}

}  // namespace

Result<Examination> examine(const Config& config) {
  Examination examination;
  examination.known = known_of(config);
  examination.policy = policy_of(config);
  examination.history.since = wall_now() - kHistory;
  Bench bench{config, {}, {}, {}, {}, {}};
  open_ledger(bench, examination);
  TRY_VOID(make_senses(bench));
  examination.instance = bench.instance->describe();
  bench.loop.run_until_complete(look(&bench));
  bench.loop.run_until_complete(read_log(&bench, &examination.history));
  examination.seen = bench.senses->observation();
  examination.now = bench.loop.now();
  examination.wall = wall_now();
  read_package_log(examination.history);
  read_journal(bench, examination.history);
  read_kernel(examination.seen, examination.history);
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
  return worst;
}

}  // namespace pgkeel::app
