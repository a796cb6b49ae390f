// Keeps the receiver's slot from filling the server's disk: limits it on servers of ours, says the
// line to run elsewhere, and gives it up before the disk is full (slot_decision.hpp). The receiver
// makes a new one when it can; the guard then takes a new base backup.
// It guarantees: in the ledger before it is done, said loudly, and only the receiver's own slot at
// the very position it was judged by. It refuses to act where pg_wal's disk cannot be seen, while
// the guard is paused, and on a setting that somebody has written down.
#pragma once

#include <optional>
#include <string>

#include "app/config.hpp"
#include "app/guard/slot_decision.hpp"
#include "client/connection.hpp"
#include "incident/ledger.hpp"
#include "instance/instance.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::app {

/// The slot's WAL from `from` on may be gone; a backup that began later has no need of it.
struct SlotGivenUp {
  WallTime at;
  Lsn from;
  Lsn server;  ///< where the server was
};
[[nodiscard]] std::string to_json(const SlotGivenUp& given_up);
[[nodiscard]] std::optional<SlotGivenUp> parse_slot_given_up(std::string_view json);

/// Whether an operator has told the guard to keep its hands off.
[[nodiscard]] bool is_paused(incident::Ledger& ledger);

class SlotKeeper {
 public:
  enum class Commits { Wait, DoNotWait };  ///< for the archive

  SlotKeeper(const Config& config, const instance::Instance& instance, runtime::Loop& loop,
             incident::Ledger& ledger);

  /// Looks at a primary that is up, over a superuser's connection, every few seconds however often
  /// it is called.
  runtime::Task<Result<void>> look(client::Connection* connection, Commits commits);
  /// The statement that would limit the slot; empty: it is limited, or not known.
  [[nodiscard]] std::string advice() const;
  /// The last time; none: never.
  [[nodiscard]] const std::optional<SlotGivenUp>& given_up() const { return given_up_; }

 private:
  runtime::Task<Result<void>> limit(client::Connection* connection);
  runtime::Task<Result<void>> judge(client::Connection* connection, Commits commits);
  runtime::Task<Result<std::optional<SlotView>>> view(client::Connection* connection);
  runtime::Task<Result<void>> give_up(client::Connection* connection, SlotView view);
  [[nodiscard]] std::optional<WalDisk> wal_disk() const;
  Result<void> remember(std::optional<SlotGivenUp> given_up);

  const Config& config_;
  const instance::Instance& instance_;
  runtime::Loop& loop_;
  incident::Ledger& ledger_;
  SteadyTime next_look_{};
  SlotDecision decision_;
  bool unlimited_ = false;
  std::optional<SlotGivenUp> given_up_;
};

}  // namespace pgkeel::app
