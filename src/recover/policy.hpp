// What the operator allows: the part of the configuration that decisions depend on.
#pragma once

#include "base/time.hpp"

namespace pgkeel::recover {

enum class Mode { Act, Advise };
/// What to do about a table or database that is gone. Restore needs the archive and, where there is
/// none, waits for a human like Advise.
enum class MissingPolicy { Restore, RecreateEmpty, Advise };

/// When what was dropped is restored by itself: once the configuration or a client wants it, or
/// never.
enum class Undrop { OnDemand, Never };

/// For how long a client's session does nothing before it may be ended; 0: never.
struct EndSessions {
  Seconds idle{300};                 ///< while clients are refused for want of connections
  Seconds idle_in_transaction{900};  ///< while it holds others up
};

struct Policy {
  Mode mode = Mode::Act;
  MissingPolicy missing_table = MissingPolicy::Restore;
  MissingPolicy missing_database = MissingPolicy::Restore;
  Undrop undrop = Undrop::OnDemand;
  bool owns_server = false;  ///< a private cluster that pgkeel made: its settings are ours
  bool archive = false;      ///< backups and WAL are kept, so that what is lost can be restored
  bool replace_fresh_cluster = true;
  EndSessions end_sessions;
  int restarts_max = 5;  ///< starts within restarts_window, then a human is called
  Millis restarts_window{300'000};
  Millis watch_for{600'000};  ///< stability watch before an incident is closed
};

}  // namespace pgkeel::recover
