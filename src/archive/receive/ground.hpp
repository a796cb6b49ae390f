// What a receiver stands on: its state directory and its spool, as they were when it began. Held
// open, so that a directory of the same name is never taken for the same directory.
// It guarantees: nothing is made, and nothing is written into a directory that came in their place.
#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "runtime/fd.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {

class Ground {
 public:
  static Result<Ground> of(const std::filesystem::path& state_dir,
                           const std::filesystem::path& spool);

  /// NotFound, with a hint, when one of them was removed or the state directory is another one:
  /// no time can mend that. Nothing otherwise.
  [[nodiscard]] Result<void> still_there() const;
  /// The same; also WrongState while the spool's path leads elsewhere, as when it was unmounted.
  [[nodiscard]] Result<void> firm() const;

 private:
  struct Place {
    std::filesystem::path path;
    runtime::Fd fd;
    runtime::InodeId inode;
    [[nodiscard]] bool removed() const;
    [[nodiscard]] bool leads_elsewhere() const;
  };
  static Result<Place> place_of(const std::filesystem::path& path);
  Ground(Place state, Place spool) : state_(std::move(state)), spool_(std::move(spool)) {}

  Place state_;
  Place spool_;
};

}  // namespace pgkeel::archive
