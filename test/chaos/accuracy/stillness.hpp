// That a guard with mode = "advise" changes nothing: the world beside its own state directory,
// files and catalog and sessions, as it was between the fault and its being named, and as it is
// after the guard has named it and shown what it would do. The guard is stopped (SIGSTOP) while the
// fault is injected, so that all it does falls between the two looks. Read by plain file access and
// plain SQL, independent of the guard.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "chaos/accuracy/injector.hpp"

namespace pgkeel::chaos {

class World {
 public:
  /// Of a server that is down every byte of every file; of one that runs, or hangs, what only
  /// people and tools change: the configuration, what stands in its directories; where it can be
  /// asked, definitions, settings, sessions.
  [[nodiscard]] static World of(const Site& site, Leaves leaves);
  /// What is missing, other or new, in words; empty: nothing changed. A catalog that could not be
  /// read both times is not compared; a session that came is no change.
  [[nodiscard]] std::vector<std::string> changes_to(const World& later) const;

 private:
  void look_at_files(const Site& site, Leaves leaves);
  void look_at_catalog(const Site& site);

  std::map<std::string, std::string> things_;  ///< from what it is to a digest
  bool catalog_read_ = false;
};

/// What the guard changed while it advised on the fault; throws when the trial could not be run.
[[nodiscard]] std::vector<std::string> changed_by_advice(const ModelCluster& model,
                                                         const Injector& fault);

}  // namespace pgkeel::chaos
