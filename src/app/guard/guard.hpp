// The parts of a running guard in the order they are made; each uses only those before it.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>

#include "app/config.hpp"
#include "app/guard.hpp"
#include "app/guard/alerting.hpp"
#include "app/guard/dump_keeper.hpp"
#include "app/guard/evidence_keeper.hpp"
#include "app/guard/face.hpp"
#include "app/guard/gateway_keeper.hpp"
#include "app/guard/lifeline.hpp"
#include "app/guard/receiver.hpp"
#include "app/guard/shadow_keeper.hpp"
#include "app/guard/sync_mode.hpp"
#include "app/guard/systemd_report.hpp"
#include "incident/journal.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"
#include "instance/instance.hpp"
#include "recover/conductor.hpp"
#include "runtime/files.hpp"
#include "runtime/loop.hpp"
#include "sense/senses.hpp"
#include "serve/api.hpp"

namespace pgkeel::app {

class Guard {
 public:
  /// Starts: whether the container's start is an order to start the server, too.
  enum class Start { AsLeft, Server };

  Guard(const Config& config, Place place, Start start)
      : config_(config), place_(place), start_(start) {}
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  Result<int> run();

 private:
  runtime::Task<void> live();
  runtime::Task<Result<void>> start_up();
  runtime::Task<void> obey_signals();
  runtime::Task<void> follow_init();
  void end(Result<int> outcome);
  runtime::Task<Result<void>> make_parts();
  runtime::Task<Result<void>> make_server();
  [[nodiscard]] std::optional<diagnose::Predecessor> predecessor();
  Result<void> make_alerts();
  Result<void> lock_volume();
  Result<void> serve();
  runtime::Task<void> hold_volume_lock();
  runtime::Task<void> announce();

  const Config& config_;
  const Place place_;
  const Start start_;
  std::stop_source stop_;
  std::optional<Result<int>> outcome_;
  runtime::Loop loop_;
  std::unique_ptr<incident::Store> store_;
  std::optional<Lifeline> lifeline_;
  std::unique_ptr<incident::Ledger> ledger_;
  std::unique_ptr<incident::Journal> journal_;
  std::unique_ptr<instance::Instance> instance_;
  std::optional<runtime::FileLock> volume_lock_;
  std::optional<runtime::InodeId> locked_inode_;
  std::unique_ptr<notify::Alerts> alerts_;  // null: nobody is to be called
  std::unique_ptr<sense::Senses> senses_;
  std::unique_ptr<recover::Services> services_;
  std::unique_ptr<recover::Conductor> conductor_;
  std::unique_ptr<WholeLoop> whole_loop_;
  std::unique_ptr<AnchorKeeper> anchor_;
  std::unique_ptr<ApplicationKeeper> application_;
  std::unique_ptr<Adviser> adviser_;
  std::unique_ptr<ProtectionKeeper> protection_;
  std::unique_ptr<EvidenceKeeper> evidence_;
  std::unique_ptr<DumpKeeper> dumps_;
  std::unique_ptr<ReceiverKeeper> receiver_;
  std::unique_ptr<GatewayKeeper> gateway_;
  std::unique_ptr<ShadowKeeper> shadow_;
  std::unique_ptr<SlotKeeper> slot_;
  std::unique_ptr<SyncMode> sync_mode_;
  std::unique_ptr<ArchiveKeeper> archive_;
  std::unique_ptr<Face> face_;
  std::unique_ptr<SystemdReport> systemd_report_;
  std::unique_ptr<serve::Api> api_;
};

}  // namespace pgkeel::app
