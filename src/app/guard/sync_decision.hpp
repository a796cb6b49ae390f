// When the archive is made a synchronous standby and when that is given up. Pure: what the server
// shows in, the step out; time is an argument.
// Given up: nothing of ours has streamed for as long as the policy allows, or a commit has been
// waiting for so long. Taken up again: what the server had flushed at one look is on the archive's
// disk at the next, so that no commit waits for a backlog.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/strong.hpp"
#include "base/time.hpp"

namespace pgkeel::app {

struct SyncPolicy {
  enum class Durability { Async, Sync } durability = Durability::Sync;
  std::string name;                     ///< of the archive among the standbys
  std::optional<Millis> degrade_after;  ///< none: commits wait however long it takes
};

/// One look at the server.
struct SyncView {
  std::string standby_names;  ///< synchronous_standby_names
  bool streams = false;       ///< the archive's walsender has caught up and streams
  Lsn server_flushed;
  Lsn archive_flushed;               ///< zero when it is not connected
  std::vector<std::string> waiting;  ///< commits that wait for a standby, each with a stable name
};

enum class SyncStep {
  None,
  Arm,      ///< make the archive synchronous
  Degrade,  ///< commits no longer wait, and are unprotected
  Disarm,   ///< the configuration does not ask for it any more
  Foreign,  ///< other standbys are configured: theirs is not touched
};

class SyncDecision {
 public:
  explicit SyncDecision(SyncPolicy policy) : policy_(std::move(policy)) {}

  [[nodiscard]] SyncStep decide(const SyncView& view, SteadyTime now);
  /// Since when nothing has been streamed or a commit has been waiting; none: all is well.
  [[nodiscard]] std::optional<SteadyTime> lost_since() const { return lost_since_; }

 private:
  [[nodiscard]] bool ours(const std::string& names) const;
  void note_waiting(const SyncView& view, SteadyTime now);
  void note_loss(const SyncView& view, SteadyTime now);
  SyncStep when_armed(SteadyTime now) const;
  SyncStep when_not_armed(const SyncView& view);

  SyncPolicy policy_;
  std::map<std::string, SteadyTime> waiting_since_;
  std::optional<SteadyTime> lost_since_;
  std::optional<Lsn> to_catch_up_;
};

}  // namespace pgkeel::app
