// When an incident opens, keeps what was seen then (evidence.hpp) in the state directory, and when
// its cause is named or refined all that was seen and known (app/replay.hpp). It is woken by the
// conductor, never polls, and does its reading and writing beside the loop, so that no repair waits
// for it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "incident/ledger.hpp"
#include "instance/instance.hpp"
#include "recover/conductor.hpp"
#include "sense/senses.hpp"

namespace pgkeel::app {

class EvidenceKeeper {
 public:
  EvidenceKeeper(runtime::Loop& loop, instance::Instance& instance, sense::Senses& senses,
                 recover::Conductor& conductor, incident::Ledger& ledger, const Config& config)
      : loop_(loop),
        instance_(instance),
        senses_(senses),
        conductor_(conductor),
        ledger_(ledger),
        config_(config) {}

  /// Runs for as long as the loop.
  runtime::Task<void> run();

 private:
  struct Wanted {
    std::string id;
    diagnose::Cause cause;
    std::string subject;
    std::shared_ptr<const diagnose::Moment> moment;  ///< of the round that named it
  };
  std::vector<Wanted> wanted();
  runtime::Task<void> keep(Wanted incident);
  runtime::Task<void> keep_moment(Wanted incident);

  runtime::Loop& loop_;
  instance::Instance& instance_;
  sense::Senses& senses_;
  recover::Conductor& conductor_;
  incident::Ledger& ledger_;
  const Config& config_;
  std::map<std::string, diagnose::Cause> kept_;  ///< by incident
};

/// What must be in no evidence: passwords, tokens and keys of the configuration and, line by line,
/// of the files it names. Reads them; one that cannot be read is passed over.
[[nodiscard]] std::vector<std::string> secrets_of(const Config& config);

}  // namespace pgkeel::app
