// Looks around the server now and then for what is not broken yet: how its container is made, who
// prunes volumes on this host, what systemd would do to it, which probes fail by design, whether
// its libc was changed. Shown in status and logged once.
#pragma once

#include "diagnose/warning.hpp"
#include "sense/senses.hpp"

namespace pgkeel::app {

class Adviser {
 public:
  Adviser(runtime::Loop& loop, instance::Instance& instance, sense::Senses& senses,
          const diagnose::Known& known)
      : loop_(loop), instance_(instance), senses_(senses), known_(known) {}

  /// Runs for as long as the loop.
  runtime::Task<void> run();
  [[nodiscard]] const std::vector<diagnose::Warning>& warnings() const { return warnings_; }

 private:
  runtime::Task<std::vector<diagnose::Warning>> look();
  void take(std::vector<diagnose::Warning> warnings);

  runtime::Loop& loop_;
  instance::Instance& instance_;
  sense::Senses& senses_;
  const diagnose::Known& known_;
  std::vector<diagnose::Warning> warnings_;
};

}  // namespace pgkeel::app
