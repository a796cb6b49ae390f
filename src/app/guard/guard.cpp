// The guard's life, as a table of contents.
#include "app/guard/guard.hpp"

#include <csignal>

#include <unistd.h>

#include "app/archive/tools.hpp"
#include "app/guard.hpp"
#include "app/guard/ddl_keeper.hpp"
#include "app/guard/entry_point.hpp"
#include "app/guard/event_keeper.hpp"
#include "app/guard/size_keeper.hpp"
#include "app/guard/startup.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "runtime/signals.hpp"

namespace pgkeel::app {
namespace {

constexpr Seconds kVolumeLockEvery{1};

// A terminal that is closed takes its guard along. Anywhere else the signal is somebody's way to
// reload, and must not be the end: systemd would take it for a clean one and start no other. To be
// asked at the start: a terminal that has hung up is none any more.
bool in_terminal() { return ::isatty(STDIN_FILENO) == 1; }

// How far playbooks may go, and where.
void set_bounds(const Config& config, recover::Services& services) {
  if (config.archive.configured()) services.pgkeel = own_command(config, {});
  services.state_dir = config.state_dir;
  services.archive_dir = config.archive.store.directory();
  services.end_sessions = policy_of(config).end_sessions;
  services.temp_files_most = config.recover.temp_files_bytes.value_or(0);
  services.engine_log_most = config.recover.engine_log_bytes.value_or(0);
  services.memory_limit_most = config.recover.memory_limit_bytes.value_or(0);
  if (config.mode == Mode::Act) services.ballast_bytes = config.recover.ballast_bytes.value_or(0);
}

}  // namespace

Result<int> run_guard(const Config& config, Place place) {
  configure_log(config.log.format, config.log.level);
  if (place == Place::EntryPoint) return run_entry_point(config);
  Guard guard(config, place, Guard::Start::AsLeft);
  return guard.run();
}

// A signal ends the guard at any moment, start-up included: frames left behind go with the loop.
Result<int> Guard::run() {
  loop_.spawn(obey_signals());
  if (place_ == Place::EntryPoint) loop_.spawn(follow_init());
  loop_.spawn(live());
  loop_.run();
  CHECK(outcome_.has_value());
  SystemdReport::tell_stopping(*outcome_);
  stop_.request_stop();
  api_.reset();
  if (lifeline_) lifeline_->end();
  return *std::move(outcome_);
}

void Guard::end(Result<int> outcome) {
  if (!outcome_) outcome_.emplace(std::move(outcome));
  loop_.stop();
}

runtime::Task<void> Guard::live() {
  auto started = co_await start_up();
  if (!started) end(fail(std::move(started).error()));
}

runtime::Task<void> Guard::obey_signals() {
  const bool owns = place_ == Place::EntryPoint;
  const bool hangup_ends = !owns && in_terminal();
  auto signals = owns ? runtime::SignalWatcher::create(loop_, {SIGTERM, SIGINT, SIGQUIT, SIGHUP})
                      : runtime::SignalWatcher::create(loop_, {SIGTERM, SIGINT, SIGHUP});
  if (!signals) {
    end(fail(signals.error()));
    co_return;
  }
  while (true) {
    const auto signal = co_await signals->next();
    if (signal && *signal == SIGHUP && !hangup_ends) {
      if (owns) reload_server(instance_.get());
      else log_warning("a restart reads the configuration anew, not a reload; PostgreSQL runs on");
      continue;
    }
    if (signal && !owns) log_info("stopping; PostgreSQL keeps running", {{"signal", *signal}});
    end(signal ? Result<int>(0) : fail(signal.error()));
    co_return;
  }
}

// An init that is not PID 1 can be killed alone. Its signal may not come: the kernel forgets it
// when we act as another account for a moment.
runtime::Task<void> Guard::follow_init() {
  const auto init = runtime::ProcessHandle::open(::getppid());
  if (!init) co_return;
  const auto gone = co_await init->wait_exit(loop_, runtime::kNever);
  if (!gone) co_return;
  log_error("the init above the guard was killed");
  end(0);
}

runtime::Task<Result<void>> Guard::start_up() {
  CO_TRY_VOID(co_await make_parts());
  co_await application_->first_try();
  CO_TRY_VOID(conductor_->resume());
  CO_TRY_VOID(serve());

  senses_->start();
  if (alerts_) alerts_->start();
  loop_.spawn(conductor_->run(stop_.get_token()));
  loop_.spawn(hold_volume_lock());
  loop_.spawn(announce());
  loop_.spawn(lifeline_->run(&loop_));
  loop_.spawn(face_->follow());
  loop_.spawn(anchor_->run());
  loop_.spawn(evidence_->run());
  loop_.spawn(keep_sizes(&loop_, senses_.get(), journal_.get()));
  if (instance_->kind() == instance::Kind::Container)
    loop_.spawn(keep_engine_events(&loop_, senses_.get(), journal_.get()));
  loop_.spawn(keep_ddl(&loop_, senses_.get(), incident::DdlTrail(*store_), journal_.get()));
  loop_.spawn(application_->run());
  loop_.spawn(adviser_->run());
  loop_.spawn(protection_->run());
  loop_.spawn(receiver_->run());
  loop_.spawn(gateway_->run());
  loop_.spawn(shadow_->run());
  loop_.spawn(dumps_->run());
  loop_.spawn(sync_mode_->run());
  loop_.spawn(archive_->run());
  SystemdReport::tell_ready();
  loop_.spawn(systemd_report_->run());
  log_info("monitor started",
           {{"instance", instance_->describe()}, {"state_dir", config_.state_dir.string()}});
  co_return Result<void>();
}

runtime::Task<Result<void>> Guard::make_parts() {
  CO_TRY(instance, instance::make_instance(loop_, instance_config(config_)));
  instance_ = std::move(instance);
  CO_TRY_VOID(co_await check_first_start(&loop_, &config_, instance_.get()));
  CO_TRY_VOID(ensure_homes(config_));
  CO_TRY(store, incident::Store::open(config_.state_dir));
  store_ = std::move(store);
  if (!store_->set_aside_note().empty()) log_error(store_->set_aside_note());
  ledger_ = std::make_unique<incident::Ledger>(*store_);
  journal_ = std::make_unique<incident::Journal>(*store_);

  CO_TRY_VOID(co_await make_server());
  CO_TRY(conninfo, guard_conninfo(config_, *instance_, *ledger_));
  CO_TRY_VOID(co_await ensure_login(&loop_, conninfo, instance_.get(), ledger_.get()));

  auto options = sense_options(config_, conninfo);
  options.connect_as = server_account(*instance_);
  options.engine_events_since = engine_events_missed_since(*journal_, wall_now());
  senses_ = std::make_unique<sense::Senses>(loop_, *instance_, std::move(options));
  const auto facts = instance_->inspect_data_dir();
  const bool remote = instance_->kind() == instance::Kind::Remote;
  services_ = std::make_unique<recover::Services>(recover::Services{
      loop_, *instance_, *senses_, *ledger_, *journal_,
      remote ? std::filesystem::path() : find_client_programs(config_, facts.major),
      server_account(*instance_), config_.instance.databases, invariants_of(config_),
      hooks_of(config_)});
  set_bounds(config_, *services_);
  CO_TRY_VOID(make_alerts());
  services_->alerts = alerts_.get();
  auto known = watchful_known_of(config_);
  known.predecessor = predecessor();
  conductor_ =
      std::make_unique<recover::Conductor>(*services_, policy_of(config_), std::move(known));
  whole_loop_ = std::make_unique<WholeLoop>(config_, loop_, *senses_, *conductor_, *ledger_);
  face_ = std::make_unique<Face>(config_, loop_, *instance_, *senses_, *journal_, *conductor_);
  face_->show_alerts(alerts_.get());
  systemd_report_ = std::make_unique<SystemdReport>(loop_, *face_);
  anchor_ = std::make_unique<AnchorKeeper>(loop_, *instance_, *senses_, *conductor_, *ledger_,
                                           config_.mode == Mode::Act);
  face_->show_anchor(anchor_.get());
  application_ = std::make_unique<ApplicationKeeper>(config_, *services_, *conductor_);
  face_->show_application(application_.get());
  evidence_ =
      std::make_unique<EvidenceKeeper>(loop_, *instance_, *senses_, *conductor_, *ledger_, config_);
  adviser_ = std::make_unique<Adviser>(loop_, *instance_, *senses_, conductor_->known());
  face_->show_advice(adviser_.get());
  receiver_ = std::make_unique<ReceiverKeeper>(config_, loop_, *senses_);
  gateway_ = std::make_unique<GatewayKeeper>(config_, loop_, *senses_, server_account(*instance_));
  face_->show_gateway(gateway_.get());
  shadow_ = std::make_unique<ShadowKeeper>(config_, loop_, *receiver_);
  face_->show_shadow(shadow_.get());
  slot_ = std::make_unique<SlotKeeper>(config_, *instance_, loop_, *ledger_);
  face_->show_slot(slot_.get());
  protection_ =
      std::make_unique<ProtectionKeeper>(config_, loop_, *senses_, server_account(*instance_));
  face_->show_protection(protection_.get(), ledger_.get());
  sync_mode_ = std::make_unique<SyncMode>(config_, *senses_, *slot_, loop_, *ledger_,
                                          server_account(*instance_));
  face_->show_sync(sync_mode_.get());
  archive_ =
      std::make_unique<ArchiveKeeper>(config_, loop_, *senses_, *conductor_, *slot_, *ledger_);
  face_->show_archive(archive_.get());
  dumps_ = std::make_unique<DumpKeeper>(config_, loop_, *senses_, *conductor_);
  face_->show_dumps(dumps_.get());
  archive_->heed(dumps_.get());
  archive_->heed(shadow_.get());
  co_return Result<void>();
}

// A disk that takes no such file is no reason not to watch.
std::optional<diagnose::Predecessor> Guard::predecessor() {
  lifeline_.emplace(config_.state_dir);
  auto killed = lifeline_->begin();
  if (killed) return *killed;
  log_warning("no sign of life is kept", {{"why", killed.error().message()}});
  return std::nullopt;
}

// The server as it should be when the loop begins.
runtime::Task<Result<void>> Guard::make_server() {
  CO_TRY_VOID(co_await find_server(instance_.get(), ledger_.get()));
  CO_TRY_VOID(co_await ensure_cluster(&loop_, &config_, instance_.get(), ledger_.get()));
  CO_TRY_VOID(lock_volume());
  if (start_ == Start::Server) {
    auto started = co_await start_with_container(&loop_, instance_.get(), ledger_.get());
    co_return started;
  }
  auto started = co_await ensure_started(&loop_, &config_, instance_.get(), ledger_.get());
  co_return started;
}

Result<void> Guard::make_alerts() {
  if (config_.alerts.empty() && config_.escalate.empty()) return {};
  auto options = alerts_options(config_, instance_->describe());
  options.objection = [this] { return whole_loop_->objection(); };
  alerts_ = std::make_unique<notify::Alerts>(loop_, *store_, *journal_, std::move(options));
  return alerts_->resume();
}

// One guard for one volume, whatever its state directory. A directory that is gone has no lock; it
// is taken when it is back.
Result<void> Guard::lock_volume() {
  const auto inode = runtime::inode_of(instance_->data_dir());
  if (!inode) {
    volume_lock_.reset();
    locked_inode_.reset();
    return {};
  }
  if (volume_lock_ && locked_inode_ == *inode) return {};
  TRY(lock, instance_->lock_data_dir("pgkeel guard"));
  volume_lock_.emplace(std::move(lock));
  locked_inode_ = *inode;
  return {};
}

runtime::Task<void> Guard::hold_volume_lock() {
  while (true) {
    if (conductor_->state().stopped_on_purpose) {
      volume_lock_.reset();  // so that the operator may unmount it
      locked_inode_.reset();
    } else if (const auto locked = lock_volume(); !locked) {
      log_error("volume lock lost", {{"why", locked.error().message()}});
    }
    static_cast<void>(co_await loop_.sleep_in_step(kVolumeLockEvery));
  }
}

Result<void> Guard::serve() {
  serve::ApiOptions options;
  options.unix_socket = config_.guard_socket();
  if (config_.http.listen) {
    options.tcp_host = config_.http.listen->host;
    options.tcp_port = config_.http.listen->port;
    options.token_file = config_.http.token_file;
  }
  TRY(api, serve::Api::create(loop_, face_->sources(), options));
  api_ = std::move(api);
  log_info("serving", {{"socket", options.unix_socket.string()}, {"port", api_->tcp_port()}});
  return {};
}

// The start-up markers people look for: connected, databases and tables present, all well.
runtime::Task<void> Guard::announce() {
  while (!senses_->observation().healthy() || !senses_->observation().catalog.seen)
    static_cast<void>(co_await senses_->changed().wait_until(loop_.after(kVolumeLockEvery)));
  const auto& seen = senses_->observation();
  // Which client programs fit is known of a server elsewhere only now.
  if (instance_->kind() == instance::Kind::Remote)
    services_->client_bin_dir = find_client_programs(config_, seen.login.server_version / 10'000);
  log_info("connected", {{"as", senses_->conninfo().redacted()},
                         {"server_version", seen.login.server_version},
                         {"took_ms", seen.login.took.count()}});
  log_info("databases present", {{"count", seen.catalog.databases.size()}});
  log_info("ready");
}

}  // namespace pgkeel::app
