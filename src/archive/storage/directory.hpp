// The tree of a directory store, walked from its root without following a symbolic link: whatever
// somebody puts into the store, nothing outside is read, written or removed through it.
// It guarantees that a directory given by make() is on disk, itself and all above it up to the
// root.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "runtime/fd.hpp"

namespace pgkeel::archive {

class Directory {
 public:
  static Result<Directory> open(const std::filesystem::path& root);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] int root() const { return root_.get(); }

  /// The directory "backups/LABEL" below the root; "" is the root. NotFound when it, or one above
  /// it, is absent or no directory; Refused when one is a symbolic link.
  [[nodiscard]] Result<runtime::Fd> find(std::string_view relative) const;
  /// The same; makes what is absent (0700). DiskFull, Permission, Io.
  Result<runtime::Fd> make(std::string_view relative);
  /// Removes the directory and those above it as long as they are empty; never the root.
  void remove_empty(std::string_view relative);

 private:
  explicit Directory(std::filesystem::path path, runtime::Fd root)
      : path_(std::move(path)), root_(std::move(root)), durable_(std::make_unique<Durable>()) {}

  // Directories this process has seen on disk, so that their parents are not synced each time.
  struct Durable {
    std::mutex mutex;
    std::set<std::string, std::less<>> seen;
  };
  [[nodiscard]] bool is_durable(std::string_view relative) const;
  void note_durable(std::string_view relative);

  std::filesystem::path path_;
  runtime::Fd root_;
  std::unique_ptr<Durable> durable_;
};

/// "backups/LABEL/backup.json" is "backup.json" in "backups/LABEL".
struct SplitKey {
  std::string_view directory;
  std::string name;
};
[[nodiscard]] SplitKey split_key(std::string_view key);

/// fsync(2), for a file or a directory. Some network file systems answer EINVAL for a directory:
/// they have none to sync.
[[nodiscard]] Result<void> sync_descriptor(int fd, std::string_view what);

}  // namespace pgkeel::archive
