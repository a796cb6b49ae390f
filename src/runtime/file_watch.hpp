// Changes of one file as events: inotify(7). It keeps no descriptor of the file itself, so neither
// removing it nor unmounting its file system is held up.
#pragma once

#include <filesystem>

#include "runtime/fd.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::runtime {

class FileWatch {
 public:
  /// NotFound when there is no such file; Failed when the kernel's inotify limits are reached.
  static Result<FileWatch> create(const std::filesystem::path& file);

  /// Waits for the next write to the file, its removal or its replacement; several at once are one.
  /// True while the file is still the one watched. TimedOut at the deadline, Cancelled on stop.
  Task<Result<bool>> changed(Loop& loop, SteadyTime deadline, std::stop_token stop = {});

 private:
  explicit FileWatch(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace pgkeel::runtime
