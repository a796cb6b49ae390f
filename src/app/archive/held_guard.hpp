// The guard of an instance while a command replaces its data directory: one that runs is paused for
// that long, one that does not is kept from starting. Another guard's instance is refused.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "app/config.hpp"
#include "archive/restore/in_place_job.hpp"
#include "incident/store.hpp"
#include "runtime/files.hpp"

namespace pgkeel::app {

class HeldGuard {
 public:
  /// WrongState while the guard is repairing something; StateLocked when a guard with another state
  /// directory owns the instance.
  static Result<HeldGuard> hold(const Config& config, const std::filesystem::path& place);

  [[nodiscard]] bool runs() const { return store_ == nullptr; }
  [[nodiscard]] bool paused() const { return paused_; }  ///< by us
  /// Which cluster the guard knows; nothing when it runs, or knows none.
  [[nodiscard]] Result<std::optional<SystemId>> known_cluster() const;
  /// An earlier moment is there now: its tables, databases and position are learnt anew. Only of a
  /// guard that does not run.
  Result<void> learn_anew(const archive::InPlaceJob& job);
  /// A run before this one paused it and was killed.
  void take_over_pause() { paused_ = runs(); }
  /// Resumes a guard that was paused by us; the others stay as they are.
  Result<void> release();

 private:
  explicit HeldGuard(const Config& config) : config_(&config) {}
  Result<void> keep_from_starting(const std::filesystem::path& place);
  const Config* config_;
  std::unique_ptr<incident::Store> store_;  ///< holds the lock of the state directory
  std::optional<runtime::FileLock> lock_;   ///< of the data directory
  bool paused_ = false;
};

}  // namespace pgkeel::app
