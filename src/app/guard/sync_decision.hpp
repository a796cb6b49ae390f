// When the archive is made a synchronous standby and when that is given up. Pure: what the server
// shows in, the step out; time is an argument.
// Given up: nothing of ours has streamed for as long as the policy allows, or a commit has been
// waiting for so long. Taken up again: what the server had flushed at one look is on the archive's
// disk at the next, so that no commit waits for a backlog.
// While the guard is paused nothing is taken up and nothing undone, but what is lost is still given
// up: else the guard's own setting would hang the app until somebody thinks of it.
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
  /// The checkpointer, which makes commits wait or lets them go, has nothing in hand: a change from
  /// before the look before this one has reached it.
  bool checkpointer_idle = false;
  bool paused = false;  ///< the guard
};

/// Whether `names`, a synchronous_standby_names, has this standby among others or alone.
[[nodiscard]] bool names_standby(std::string_view names, std::string_view name);

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
  SyncStep judge(const SyncView& view, SteadyTime now);
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

/// When commits begin and cease to be unprotected, whoever has changed the setting. It is the
/// checkpointer that obeys the setting, and one in a hurry reads it only at its end; so protection
/// is believed at a look after the first that shows our name, with an idle checkpointer.
class SyncProtection {
 public:
  enum class Change { None, Begins, Ends };  ///< of an interval without protection

  /// Whether the archive was ever made synchronous, by an earlier guard too.
  explicit SyncProtection(bool was_armed) : was_armed_(was_armed) {}
  [[nodiscard]] Change note(const SyncView& view, const SyncPolicy& policy, bool unprotected);
  [[nodiscard]] bool was_armed() const { return was_armed_; }

 private:
  bool was_armed_;
  bool named_ = false;  // at the last look
};

}  // namespace pgkeel::app
