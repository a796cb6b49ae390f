// The snapshot: what the senses know and the conductor does, in the words of `serve`.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "app/guard/face.hpp"
#include "diagnose/rules.hpp"
#include "recover/capability.hpp"
#include "runtime/proc.hpp"

namespace pgkeel::app {
namespace {

using serve::ServiceState;

constexpr int kMissedProbes = 3;     // one lost is noise, three mean that nobody looks
constexpr Millis kFollowEvery{500};  // a decision of the conductor changes the state too
constexpr std::size_t kLargestTables = 10;
constexpr std::size_t kOpenIncidentsShown = 20;

serve::Probe probe_of(std::string_view name, const sense::ProbeFacts& facts, Millis every,
                      Millis timeout) {
  serve::Probe probe;
  probe.name = name;
  probe.ok = facts.ok();
  probe.at = facts.at;
  probe.wall_at = facts.wall;
  probe.took = facts.took;
  if (!facts.ok()) {
    probe.note = sense::to_string(facts.result);
    if (!facts.note.empty()) probe.note += ": " + facts.note;
  }
  probe.stale_after = kMissedProbes * every + timeout;
  return probe;
}

serve::Probe process_probe(const sense::ProcessFacts& facts) {
  serve::Probe probe;
  probe.name = serve::kProcessProbe;
  probe.ok = facts.state == sense::ProcessState::Running;
  probe.at = facts.at;
  probe.wall_at = wall_now();
  probe.note = facts.state == sense::ProcessState::Absent    ? "no server process"
               : facts.state == sense::ProcessState::Stopped ? "the server process is stopped"
                                                             : "";
  probe.stale_after = serve::kNeverStale;  // death is an event
  return probe;
}

std::vector<serve::Feature> features_of(const sense::Observation& seen) {
  std::vector<serve::Feature> features;
  for (const auto& feature : recover::features()) {
    const auto* lacking = recover::lacking(feature, seen);
    features.push_back({std::string(feature.name), std::string(feature.sentence),
                        lacking == nullptr, lacking ? std::string(lacking->clause) : ""});
  }
  return features;
}

std::string version_text(int number) {
  return number == 0 ? std::string() : fmt::format("{}.{}", number / 10'000, number % 10'000);
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::vector<serve::TableSize> largest_tables(const diagnose::Known& known) {
  std::vector<serve::TableSize> tables;
  for (const auto& [database, relations] : known.relations)
    for (const auto& relation : relations)
      tables.push_back(
          {database, relation.schema, relation.name,
           static_cast<std::uint64_t>(std::max<std::int64_t>(relation.size_bytes, 0))});
  std::ranges::sort(tables, std::ranges::greater{}, &serve::TableSize::size_bytes);
  if (tables.size() > kLargestTables) tables.resize(kLargestTables);
  return tables;
}

}  // namespace

serve::Status Face::status() const {
  serve::Status status;
  status.state = judge(status.reason);
  status.since = status.state == last_state_ ? last_state_since_ : wall_now();
  status.mode = config_.mode == Mode::Act ? "act" : "advise";
  status.paused = conductor_.state().paused;
  status.paused_until = conductor_.paused_until();
  add_instance(status);
  add_application(status);
  add_probes(status);
  add_objects(status);
  add_guard(status);
  add_alerts(status);
  add_protection(status);
  return status;
}

runtime::Task<void> Face::follow() {
  while (true) {
    std::string reason;
    const auto state = judge(reason);
    if (state != last_state_) {
      last_state_ = state;
      last_state_since_ = wall_now();
    }
    static_cast<void>(co_await senses_.changed().wait_until(loop_.in_step(kFollowEvery)));
  }
}

std::string Face::sentence() const {
  std::string reason;
  std::string state(serve::to_string(judge(reason)));
  std::ranges::replace(state, '_', ' ');
  if (!reason.empty()) reason = ": " + reason;
  const auto* mode = config_.mode == Mode::Act ? "" : " (advice only)";
  return fmt::format("database {}{}{}", state, mode, reason);
}

serve::ServiceState Face::judge(std::string& reason) const {
  const auto& seen = senses_.observation();
  const auto& state = conductor_.state();
  const auto* tracked = state.find(diagnose::kInstanceSubject);
  const auto* worst = conductor_.findings().empty() ? nullptr : &conductor_.findings().front();
  if (worst != nullptr) reason = worst->summary;
  const bool fenced = worst != nullptr && worst->cause == diagnose::Cause::WrongIdentity;
  if (seen.healthy() && !fenced) {
    if (state.paused) return ServiceState::Paused;
    const auto unmet = std::ranges::find_if(
        state.incidents, [](const recover::Tracked& tracked) { return !tracked.unmet.empty(); });
    if (unmet != state.incidents.end()) {
      reason = "After a recovery this does not hold: " + unmet->unmet + ".";
      return ServiceState::Degraded;
    }
    return worst == nullptr ? ServiceState::Up : ServiceState::Degraded;
  }
  if (tracked == nullptr) {
    const bool judged = seen.login.ever_ok || worst != nullptr;
    return judged ? ServiceState::Down : ServiceState::Starting;
  }
  if (tracked->cause == diagnose::Cause::StoppedByOperator) return ServiceState::IntendedStop;
  if (state.paused) return ServiceState::Paused;
  if (tracked->state == incident::IncidentState::Waiting) {
    reason += " Waiting for " + tracked->waiting_for + ".";
    return ServiceState::WaitingForHuman;
  }
  return tracked->state == incident::IncidentState::Recovering ? ServiceState::Recovering
                                                               : ServiceState::Down;
}

void Face::add_instance(serve::Status& status) const {
  const auto& seen = senses_.observation();
  auto& instance = status.instance;
  instance.kind = instance::to_string(instance_.kind());
  instance.description = instance_.describe();
  if (const auto& identity = conductor_.known().identity) {
    instance.system_id = identity->system_id;
    instance.timeline = identity->timeline;
    instance.major = identity->major;
  }
  instance.server_version = version_text(seen.login.server_version);
  instance.port = instance_.port();
  if (seen.login.ever_ok)
    instance.role = seen.login.in_recovery ? serve::Role::Standby : serve::Role::Primary;
  if (seen.process.state != sense::ProcessState::Absent) {
    instance.postmaster_pid = seen.process.pid;
    if (seen.process.state != sense::ProcessState::Unknown)
      instance.running_since = seen.process.found_at;
    if (seen.login.ok()) instance.started_at = seen.login.postmaster_started;
  }
  if (anchor_ != nullptr) instance.anchor = anchor_->state();
  status.features = features_of(seen);
  if (adviser_ != nullptr)
    for (const auto& warning : adviser_->warnings())
      status.warnings.push_back({std::string(warning.name), warning.text, warning.hint});
  if (archive_ != nullptr) {
    status.archive = archive_->protection();
    if (archive_->shares_the_disk())
      status.warnings.push_back(
          {"archive_same_disk",
           "The archive is on the same file system as the data: a lost disk "
           "takes both.",
           "Put archive.store on another disk, or set archive.offsite.store."});
    for (auto& complaint : archive_->complaints())
      status.warnings.push_back({"archive", complaint.text + ".", complaint.hint + "."});
  }
  if (shadow_ != nullptr) status.shadow = shadow_->protection();
  if (gateway_ != nullptr) status.gateway = gateway_->status();
  if (dumps_ != nullptr) {
    if (dumps_->alone()) status.archive = dumps_->protection();
    for (const auto& trouble : dumps_->troubles())
      status.warnings.push_back({"archive_dumps", trouble.text + ".", trouble.hint + "."});
  }
  if (sync_mode_ != nullptr)
    if (auto complaint = sync_mode_->complaint(); !complaint.empty())
      status.warnings.push_back({"archive_sync", std::move(complaint),
                                 "Commits wait for the archive again by themselves once it has "
                                 "caught up; receive.log in the state directory says more."});
  const bool may_receive = dumps_ == nullptr || !dumps_->alone();
  if (slot_ != nullptr && may_receive)
    if (const auto advice = slot_->advice(); !advice.empty())
      status.warnings.push_back(
          {"slot_unlimited",
           "The receiver's slot may hold back WAL without limit: an archive that is away for days "
           "fills the server's disk.",
           advice});
  const auto capabilities = instance_.capabilities();
  status.capabilities = {{"sees_process", capabilities.sees_process},
                         {"sees_files", capabilities.sees_files},
                         {"can_start", capabilities.can_start},
                         {"can_stop", capabilities.can_stop},
                         {"can_move_files", capabilities.can_move_files}};
}

void Face::add_application(serve::Status& status) const {
  if (application_ == nullptr) return;
  status.application = application_->view();
  if (auto warning = application_->warning()) status.warnings.push_back(*std::move(warning));
}

void Face::add_probes(serve::Status& status) const {
  const auto& seen = senses_.observation();
  const auto& sense = config_.sense;
  if (instance_.kind() != instance::Kind::Remote)
    status.probes.push_back(process_probe(seen.process));
  status.probes.push_back(
      probe_of(serve::kLoginProbe, seen.login, sense.login_every, sense.timeout));
  if (seen.probes_writes)
    status.probes.push_back(
        probe_of(serve::kWriteProbe, seen.write, sense.write_every, sense.timeout));
  if (seen.login.ever_ok)
    status.connections = serve::Connections{seen.login.connections_used, seen.login.connections_max,
                                            seen.login.connections_reserved};
  if (const auto& space = seen.files.data_dir.space) {
    const auto& filesystem = seen.files.data_dir.filesystem;
    status.disk = serve::Disk{filesystem ? filesystem->mount_point : "", space->bytes_total,
                              space->bytes_free, space->inodes_total, space->inodes_free};
  }
}

void Face::add_objects(serve::Status& status) const {
  for (const auto& database : senses_.observation().catalog.databases) {
    serve::Database row;
    row.name = database.name;
    row.oid = database.oid;
    row.size_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(database.size_bytes, 0));
    status.databases.push_back(std::move(row));
  }
  for (const auto& finding : conductor_.findings()) {
    if (finding.cause == diagnose::Cause::TableDropped)
      status.missing_relations.push_back(finding.subject);
    const bool database_gone = finding.cause == diagnose::Cause::DatabaseDropped ||
                               finding.cause == diagnose::Cause::DatabaseMissing;
    if (!database_gone) continue;
    serve::Database row;
    row.name = finding.subject;
    row.missing = true;
    status.databases.push_back(std::move(row));
  }
  status.largest_tables = largest_tables(conductor_.known());
}

void Face::add_protection(serve::Status& status) const {
  for (const auto& one : protection_->found())
    status.drops.push_back({one.database, std::string(to_string(one.state)),
                            refuses(one, wall_now()), one.window_until});
}

void Face::add_alerts(serve::Status& status) const {
  if (alerts_ == nullptr) return;
  for (auto& channel : alerts_->status())
    status.alert_channels.push_back({std::move(channel.name), std::move(channel.kind),
                                     channel.waiting, channel.delivered, channel.failures,
                                     std::move(channel.last_failure), channel.last_failure_at});
}

void Face::add_guard(serve::Status& status) const {
  for (const auto& tracked : conductor_.state().incidents) {
    if (status.open_incidents.size() >= kOpenIncidentsShown) break;
    if (auto incident = journal_.load(tracked.id))
      status.open_incidents.push_back(std::move(*incident));
  }
  status.incidents_total = conductor_.opened_by_cause();
  status.restarts_total = static_cast<std::uint64_t>(conductor_.restarts());
  status.guard.version = PGKEEL_VERSION;
  status.guard.pid = ::getpid();
  status.guard.started_at = started_wall_;
  status.guard.started = started_;
  if (const auto stat = runtime::read_proc_stat(::getpid()))
    status.guard.rss_bytes = stat->rss_bytes;
  status.guard.cpu_seconds = cpu_seconds();
}

}  // namespace pgkeel::app
