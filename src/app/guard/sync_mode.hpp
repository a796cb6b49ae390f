// durability = "sync": a commit is acknowledged when its WAL is on the archive's disk. The receiver
// is put into synchronous_standby_names through a superuser session that is kept open (so that it
// works when no connection is free) and never waits for a standby itself; taken out of it when the
// archive is lost, as sync_on_loss says; put back when it has caught up.
// The time without it, whoever ended it, is a fact of the ledger, so that it is still known after a
// restart.
#pragma once

#include <optional>
#include <string>

#include "app/config.hpp"
#include "app/guard/slot_keeper.hpp"
#include "app/guard/sync_decision.hpp"
#include "client/connection.hpp"
#include "incident/ledger.hpp"
#include "runtime/loop.hpp"
#include "sense/senses.hpp"

namespace pgkeel::app {

using sense::Unprotected;
[[nodiscard]] std::string to_json(const Unprotected& interval);
[[nodiscard]] std::optional<Unprotected> parse_unprotected(std::string_view json);

class SyncMode {
 public:
  SyncMode(const Config& config, sense::Senses& senses, SlotKeeper& slot, runtime::Loop& loop,
           incident::Ledger& ledger, std::optional<runtime::Account> connect_as);

  /// Runs for as long as the loop; returns at once where there is no archive, or only advice.
  runtime::Task<void> run();

  /// Whether commits are told to wait for the archive now.
  [[nodiscard]] bool armed() const { return armed_; }
  /// The newest interval without protection; none: there was none.
  [[nodiscard]] const std::optional<Unprotected>& unprotected() const { return unprotected_; }
  /// What is wrong, one sentence; empty: nothing, or sync mode is not wanted.
  [[nodiscard]] std::string complaint() const;

 private:
  runtime::Task<Result<void>> look();
  runtime::Task<Result<void>> connect();
  void note_only_ours(bool only_ours);
  runtime::Task<Result<SyncView>> view();
  runtime::Task<Result<void>> act(SyncStep step);
  void note_protection(const SyncView& seen);
  runtime::Task<Result<void>> alter_system(std::string statement);
  void degrade_begins();
  void begin_unprotected(WallTime since, std::string why);
  void end_unprotected();
  void remember(const Unprotected& interval);
  void tell();

  const Config& config_;
  sense::Senses& senses_;
  SlotKeeper& slot_;
  runtime::Loop& loop_;
  incident::Ledger& ledger_;
  std::optional<runtime::Account> connect_as_;
  const SyncPolicy policy_;
  SyncDecision decision_;
  SyncProtection protection_;
  std::optional<WallTime> armed_at_;  // the last look that showed it
  std::optional<client::Connection> connection_;
  bool armed_ = false;
  bool foreign_ = false;
  bool only_ours_ = false;
  std::string failure_;  // of the last look; said once
  std::optional<Unprotected> unprotected_;
};

}  // namespace pgkeel::app
