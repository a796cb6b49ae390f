// When an incident opens, keeps what was seen then (evidence.hpp) in the state directory. It is
// woken by the senses, never polls, and does its reading and writing beside the loop, so that no
// repair waits for it.
#pragma once

#include <set>

#include "incident/ledger.hpp"
#include "instance/instance.hpp"
#include "recover/conductor.hpp"
#include "sense/senses.hpp"

namespace pgkeel::app {

class EvidenceKeeper {
 public:
  EvidenceKeeper(runtime::Loop& loop, instance::Instance& instance, sense::Senses& senses,
                 const recover::Conductor& conductor, incident::Ledger& ledger,
                 std::filesystem::path state_dir, std::vector<std::string> secrets)
      : loop_(loop),
        instance_(instance),
        senses_(senses),
        conductor_(conductor),
        ledger_(ledger),
        state_dir_(std::move(state_dir)),
        secrets_(std::move(secrets)) {}

  /// Runs for as long as the loop.
  runtime::Task<void> run();

 private:
  runtime::Task<void> keep(std::string id);

  runtime::Loop& loop_;
  instance::Instance& instance_;
  sense::Senses& senses_;
  const recover::Conductor& conductor_;
  incident::Ledger& ledger_;
  std::filesystem::path state_dir_;
  std::vector<std::string> secrets_;
  std::set<std::string> kept_;
};

}  // namespace pgkeel::app
