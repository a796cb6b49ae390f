// The guard as others see it: the snapshot, the operator's actions, incidents and logs that `serve`
// asks for, answered from the conductor and the senses. Nothing here touches the database.
#pragma once

#include "app/config.hpp"
#include "app/guard/adviser.hpp"
#include "app/guard/anchor.hpp"
#include "app/guard/application.hpp"
#include "app/guard/archive_keeper.hpp"
#include "app/guard/dump_keeper.hpp"
#include "app/guard/gateway_keeper.hpp"
#include "app/guard/protection_keeper.hpp"
#include "app/guard/shadow_keeper.hpp"
#include "app/guard/sync_mode.hpp"
#include "incident/journal.hpp"
#include "instance/instance.hpp"
#include "notify/alerts.hpp"
#include "recover/conductor.hpp"
#include "sense/senses.hpp"
#include "serve/sources.hpp"

namespace pgkeel::app {

class Face final : public serve::StatusSource,
                   public serve::Control,
                   public serve::IncidentSource,
                   public serve::LogSource {
 public:
  Face(const Config& config, runtime::Loop& loop, instance::Instance& instance,
       sense::Senses& senses, incident::Journal& journal, recover::Conductor& conductor);

  [[nodiscard]] serve::Sources sources() { return {this, this, this, this}; }

  /// Whose state is shown too; null: there are no channels. Must outlive the face.
  void show_alerts(notify::Alerts* alerts) { alerts_ = alerts; }
  void show_anchor(AnchorKeeper* anchor) { anchor_ = anchor; }
  void show_application(ApplicationKeeper* application) { application_ = application; }
  void show_advice(const Adviser* adviser) { adviser_ = adviser; }
  void show_archive(const ArchiveKeeper* archive) { archive_ = archive; }
  void show_shadow(const ShadowKeeper* shadow) { shadow_ = shadow; }
  void show_gateway(const GatewayKeeper* gateway) { gateway_ = gateway; }
  void show_dumps(const DumpKeeper* dumps) { dumps_ = dumps; }
  void show_sync(const SyncMode* sync_mode) { sync_mode_ = sync_mode; }
  void show_slot(const SlotKeeper* slot) { slot_ = slot; }
  void show_protection(ProtectionKeeper* protection, incident::Ledger* ledger) {
    protection_ = protection;
    ledger_ = ledger;
  }

  /// Keeps since when the state is what it is. Runs for as long as the loop.
  runtime::Task<void> follow();

  /// How it is, in one line: "database degraded: Database shop is missing."
  [[nodiscard]] std::string sentence() const;
  [[nodiscard]] serve::Status status() const override;
  [[nodiscard]] Result<std::string> conninfo() const override;

  runtime::Task<Result<>> pause(std::optional<Millis> duration) override;
  runtime::Task<Result<>> resume() override;
  runtime::Task<Result<>> unfence(std::string who) override;
  runtime::Task<Result<std::vector<std::string>>> unfence_plan() override;
  runtime::Task<Result<>> set_anchor(bool wanted) override;
  runtime::Task<Result<>> apply_application(std::string who) override;
  runtime::Task<Result<>> forget_relation(std::string database, std::string relation,
                                          std::string who) override;
  runtime::Task<Result<>> forget_database(std::string database, std::string who) override;
  runtime::Task<Result<>> acknowledge(std::string incident, std::string who) override;
  runtime::Task<Result<>> abandon(std::string incident, std::string who) override;
  runtime::Task<Result<>> take_back(std::string incident) override;
  runtime::Task<Result<>> note_change(serve::NotedChange change) override;

  runtime::Task<Result<std::vector<incident::Incident>>> list(std::size_t most) override;
  runtime::Task<Result<incident::Incident>> load(std::string id) override;
  runtime::Task<Result<std::vector<std::string>>> tail(serve::LogKind kind,
                                                       std::size_t lines) override;

 private:
  [[nodiscard]] serve::ServiceState judge(std::string& reason) const;
  void add_instance(serve::Status& status) const;
  void add_application(serve::Status& status) const;
  void add_probes(serve::Status& status) const;
  void add_objects(serve::Status& status) const;
  void add_guard(serve::Status& status) const;
  void add_alerts(serve::Status& status) const;
  void add_protection(serve::Status& status) const;

  const Config& config_;
  runtime::Loop& loop_;
  instance::Instance& instance_;
  sense::Senses& senses_;
  incident::Journal& journal_;
  recover::Conductor& conductor_;
  notify::Alerts* alerts_ = nullptr;
  AnchorKeeper* anchor_ = nullptr;
  ApplicationKeeper* application_ = nullptr;
  const ArchiveKeeper* archive_ = nullptr;
  const ShadowKeeper* shadow_ = nullptr;
  const GatewayKeeper* gateway_ = nullptr;
  const DumpKeeper* dumps_ = nullptr;
  const SyncMode* sync_mode_ = nullptr;
  const SlotKeeper* slot_ = nullptr;
  ProtectionKeeper* protection_ = nullptr;
  incident::Ledger* ledger_ = nullptr;
  const Adviser* adviser_ = nullptr;
  WallTime started_wall_;
  SteadyTime started_;
  serve::ServiceState last_state_ = serve::ServiceState::Starting;
  WallTime last_state_since_;
};

}  // namespace pgkeel::app
