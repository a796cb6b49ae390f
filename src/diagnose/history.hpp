// What is known of the last days, besides what is observed now: the log, the machine's own records,
// the guard's incidents. Every part may be missing and then says why.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "incident/model.hpp"
#include "sense/app_log.hpp"
#include "sense/log_history.hpp"

namespace pgkeel::diagnose {

struct PackageUpdate {
  WallTime at;
  std::string package;
  std::string from;  ///< empty: newly installed
  std::string to;    ///< empty: removed
};

/// What the container engine did to the server's container or volume.
struct EngineEvent {
  WallTime at;
  std::string text;  ///< "volume pgdata: destroy"
};

/// The systemd unit of a managed server, as systemd says.
struct UnitWords {
  std::string unit;
  std::string text;  ///< "failed (result oom-kill), main process ended by KILL, restarted 3 times"
  bool failed = false;
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
  std::vector<pg::DdlLine> ddl;            ///< the record of DDL the guard kept; oldest first
  std::vector<EngineEvent> engine_events;  ///< of the last days, kept by the guard; oldest first
  std::optional<UnitWords> unit;           ///< none: it runs in none that is known
  std::vector<sense::AppLog> app_logs;     ///< of the applications, where configured
};

}  // namespace pgkeel::diagnose
