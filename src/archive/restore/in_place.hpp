// A restore into the place of the data directory itself. The backup is restored and replayed into a
// copy beside it first, on the same file system; only then is what stands in the place moved aside
// under a dated name, and the copy moved in.
// It guarantees: what was there is kept, never deleted, and needs no archive to be had back; every
// step is on disk before the next, so that a run that was killed anywhere is finished or discarded
// by the next one, which says what it found. It refuses while a server runs or may run there, and
// to put another cluster into the place.
#pragma once

#include <optional>
#include <string>

#include "archive/restore/in_place_job.hpp"
#include "archive/restore/restore.hpp"
#include "archive/restore/scratch.hpp"

namespace pgkeel::archive {

/// What an earlier run left.
enum class InPlaceState {
  Nothing,     ///< no earlier run, or it ended
  Incomplete,  ///< it was killed while restoring: the place is untouched
  Complete,    ///< restored and verified: the place is untouched
  Between,     ///< killed while moving: neither is whole in the place, both are there
  Placed,      ///< all is done but the tidying up
};

class InPlaceRestore {
 public:
  /// Looks, changes nothing. `place` is a real path, without symbolic links.
  static Result<InPlaceRestore> open(const std::filesystem::path& place);

  [[nodiscard]] InPlaceState state() const { return state_; }
  [[nodiscard]] const InPlaceJob& job() const { return job_; }
  /// One sentence about what was found; empty for Nothing.
  [[nodiscard]] std::string describe() const;
  /// Whether what was found answers the same question.
  [[nodiscard]] bool was_asked(const RestoreRequest& request) const;
  /// Whether a complete copy is what a restore would make now: the same was asked, and for the
  /// latest moment nothing was written since, neither in the place nor to the archive.
  [[nodiscard]] Result<bool> has_current_copy(const RestoreRequest& request) const;

  /// Refused when a server runs there or may run; WrongIdentity when the place holds another
  /// cluster than the backup's; DiskFull. Reads only. Returns what cannot be checked, in words.
  [[nodiscard]] Result<std::string> check(const Backup& backup) const;
  Result<void> refuse_server() const;

  /// To be resumed at the end, by whichever run gets there.
  void note_paused_guard() { job_.paused_guard = true; }
  /// Restores beside the place. Discards what an earlier run left there.
  Result<Restored> restore(RestoreRequest request);
  /// Moves what is there aside and the copy in, from whichever step on it is. WrongState when a
  /// server ran in the place since a copy of the latest moment was begun.
  Result<void> swap();
  /// Gives a restore up that was not put into the place, and removes its copy. WrongState for one
  /// that is being moved.
  Result<void> discard(const std::optional<runtime::Account>& account);
  /// The end: nothing is left to be found by another run.
  Result<void> tidy_up();

 private:
  explicit InPlaceRestore(InPlaceJob job) : job_(std::move(job)) {}
  [[nodiscard]] InPlaceState judge() const;
  [[nodiscard]] Result<void> ask_for_room(const Backup& backup) const;
  Result<Scratch> clear(const std::optional<runtime::Account>& account);
  Result<void> note_complete(const Restored& done);
  Result<void> require_unwritten() const;
  Result<void> move();
  Result<void> forget();

  InPlaceJob job_;
  InPlaceState state_ = InPlaceState::Nothing;
};

}  // namespace pgkeel::archive
