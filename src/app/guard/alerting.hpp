// Where configuration meets `notify`: channels and escalation from [[alert]] and [escalate], and
// what has to be true before the dead-man ping may say that all is well.
#pragma once

#include <cstdint>

#include "app/config.hpp"
#include "incident/ledger.hpp"
#include "notify/alerts.hpp"
#include "recover/conductor.hpp"
#include "sense/senses.hpp"

namespace pgkeel::app {

/// The channels of the configuration; escalation without the dead-man ping's objection.
[[nodiscard]] notify::AlertsOptions alerts_options(const Config& config, std::string instance);

/// Says "all is well" only when the guard's loop has gone round since it was last asked, every
/// probe is good and fresh, nothing is found or unfinished, and a write reached the state database.
class WholeLoop {
 public:
  WholeLoop(const Config& config, runtime::Loop& loop, const sense::Senses& senses,
            const recover::Conductor& conductor, incident::Ledger& ledger);
  /// Why not; empty when all is well.
  [[nodiscard]] std::string objection();

 private:
  [[nodiscard]] std::string what_is_wrong() const;

  const Config& config_;
  runtime::Loop& loop_;
  const sense::Senses& senses_;
  const recover::Conductor& conductor_;
  incident::Ledger& ledger_;
  std::uint64_t turns_seen_ = 0;
  SteadyTime turned_at_;
};

}  // namespace pgkeel::app
