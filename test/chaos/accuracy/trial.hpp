// One trial: a fresh server under a guard that only advises, one fault or two, and what was named.
// Right is strict: see Trial::right.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "chaos/accuracy/injector.hpp"

namespace pgkeel::chaos {

/// A pair's server is broken by the lesser fault first.
[[nodiscard]] std::vector<const Injector*> in_order(const std::vector<const Injector*>& faults);

/// The trial was ended by whoever runs it.
struct Ended : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// One fault of a trial and when it was named.
struct Told {
  const Injector* injector = nullptr;
  std::optional<Millis> after;  ///< its evidence; none: never named
};

struct Trial {
  std::vector<Told> faults;
  std::string not_run;  ///< why; empty: it ran
  /// It cannot be done on this machine, and does not count; another trial that did not run does.
  bool excused = false;
  /// What is named in the end: the guard's unfinished incidents, the most telling cause first, then
  /// what only doctor finds; each cause once.
  std::vector<std::string> named;
  std::string doctor_first;         ///< of doctor's findings alone
  std::vector<std::string> before;  ///< other causes, named when a fault was not named yet
  int client_errors = 0;
  std::int64_t acknowledged = 0;
  /// What the guard changed that only advises (stillness.hpp); none: it was not looked at.
  std::optional<std::vector<std::string>> changed;

  [[nodiscard]] bool ran() const { return not_run.empty(); }
  /// The guard named each fault, of its very subject, and as many causes as there were faults stand
  /// first in `named`, and they are the faults. What was named before them is told beside it.
  [[nodiscard]] bool right() const;
};

struct Patience {
  Millis named{12'000};   ///< so long a name is waited for
  Millis between{1'000};  ///< and that of a pair's first before a second that may hide it
};

[[nodiscard]] Trial try_faults(const ModelCluster& model,
                               const std::vector<const Injector*>& faults,
                               const Patience& patience = {});

}  // namespace pgkeel::chaos
