// The shadow's copy in the place of the data directory, on purpose: the server is stopped in order,
// the copy replays the last of its WAL, what stood in the place is renamed aside and kept, the copy
// takes its place and is started on a new timeline.
// It guarantees: a copy that lacks anything the server wrote is never put into the place; whatever
// goes wrong before that, the server is started again as it was. A run that was killed is finished,
// or undone, by the next. It refuses what cannot end well before it stops anything.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/archive/held_guard.hpp"
#include "app/archive/tools.hpp"
#include "app/shadow/ended_shadow.hpp"
#include "archive/restore/in_place.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::app {

struct Promoted {
  std::filesystem::path place;
  std::filesystem::path aside;  ///< what stood there
  TimelineId timeline;          ///< the new one
  Lsn switched_at;              ///< where the old one ended
  Millis down{};                ///< from the stop until a login was possible
};

class Promotion {
 public:
  /// Looks, changes nothing. Both are alive as long as it.
  static Result<Promotion> open(ArchiveTools& tools, const StopOnSignal& stop);

  /// What a run would do, as sentences.
  [[nodiscard]] std::vector<std::string> steps() const;
  /// WrongState, WrongIdentity, Refused: why it would not end well; nothing was touched.
  [[nodiscard]] Result<void> check() const;
  /// All of it. `tell` hears how far it is.
  Result<Promoted> run(const std::function<void(const archive::RestoreProgress&)>& tell);

 private:
  Promotion(ArchiveTools& tools, const StopOnSignal& stop, archive::InPlaceRestore work);
  Result<void> check_shadow() const;
  Result<void> replace(const std::function<void(const archive::RestoreProgress&)>& tell);
  Result<void> stop_server();
  Result<void> take_copy(const std::function<void(const archive::RestoreProgress&)>& tell);
  Result<void> require_everything() const;
  Result<void> finish();
  Result<void> start_server();
  Result<void> start_as_it_was();
  Error start_again_after(const Error& error);
  Result<void> hold_guard(const std::string& before);
  Result<void> end();
  [[nodiscard]] Result<bool> copy_is_made() const;
  [[nodiscard]] std::filesystem::path mark() const;
  [[nodiscard]] const std::filesystem::path& place() const { return work_.job().place; }

  ArchiveTools* tools_;
  const StopOnSignal* stop_;
  archive::InPlaceRestore work_;
  std::optional<HeldGuard> guard_;
  std::optional<EndedShadow> shadow_;  // kept from starting until the end
  std::optional<SteadyTime> stopped_at_;
  bool ours_to_start_ = false;   // we stopped it, or a run before this one did
  bool still_stopping_ = false;  // when we gave up waiting for that
  Lsn switched_at_;
};

}  // namespace pgkeel::app
