// What is known of the last days, besides what is observed now: the log, the machine's own records,
// the guard's incidents. Every part may be missing and then says why.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "incident/model.hpp"
#include "sense/log_history.hpp"

namespace pgkeel::diagnose {

struct PackageUpdate {
  WallTime at;
  std::string package;
  std::string from;  ///< empty: newly installed
  std::string to;    ///< empty: removed
};

struct History {
  WallTime since;  ///< how far back was looked
  sense::LogHistory log;
  std::vector<PackageUpdate> updates;  ///< of what a server stands on; the oldest first
  std::string updates_unavailable;
  std::vector<std::string> oom_kills;  ///< the kernel's words about server processes
  std::string kernel_unavailable;
  std::vector<incident::Incident> incidents;  ///< the guard's, the newest first
  std::string incidents_unavailable;
};

}  // namespace pgkeel::diagnose
