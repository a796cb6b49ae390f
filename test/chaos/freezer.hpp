// The cgroup v2 freezer: processes that are neither stopped nor dead and do nothing at all, as in a
// paused container or a suspended virtual machine. Only SIGKILL reaches them.
#pragma once

#include <filesystem>

namespace pgkeel::chaos {

class Freezer {
 public:
  Freezer();
  ~Freezer();  ///< kills whatever is still frozen
  Freezer(const Freezer&) = delete;
  Freezer& operator=(const Freezer&) = delete;

  /// False without root or a cgroup2 file system that may be written to.
  [[nodiscard]] bool possible() const { return !group_.empty(); }
  /// Freezes every process of this server; returns when the kernel says that they are.
  [[nodiscard]] bool freeze(const std::filesystem::path& data_dir) const;
  /// Ends what is left of the last freeze.
  void clear() const;

 private:
  std::filesystem::path group_;
};

}  // namespace pgkeel::chaos
