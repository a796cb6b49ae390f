// Keeps the anchor of a container's volume while all is well, and lets it go when told to. What is
// wanted is a fact of the ledger, so that a new guard does not make what an operator removed.
#pragma once

#include "incident/ledger.hpp"
#include "instance/instance.hpp"
#include "recover/conductor.hpp"
#include "sense/senses.hpp"

namespace pgkeel::app {

class AnchorKeeper {
 public:
  AnchorKeeper(runtime::Loop& loop, instance::Instance& instance, sense::Senses& senses,
               const recover::Conductor& conductor, incident::Ledger& ledger, bool may_act)
      : loop_(loop),
        instance_(instance),
        senses_(senses),
        conductor_(conductor),
        ledger_(ledger),
        may_act_(may_act) {}

  /// Runs for as long as the loop.
  runtime::Task<void> run();
  /// NotSupported where there is no volume to hold.
  runtime::Task<Result<void>> set(bool wanted);
  /// "volume pgdata is held by an anchor", "... is not held", or empty where there is none to hold.
  [[nodiscard]] const std::string& state() const { return state_; }

 private:
  runtime::Task<void> look();
  [[nodiscard]] bool known_data_serves() const;

  runtime::Loop& loop_;
  instance::Instance& instance_;
  sense::Senses& senses_;
  const recover::Conductor& conductor_;
  incident::Ledger& ledger_;
  bool may_act_;
  std::string state_;
};

}  // namespace pgkeel::app
