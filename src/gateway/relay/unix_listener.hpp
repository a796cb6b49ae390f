// The Unix socket clients come to. What a process that is dead has left is replaced; a living one
// is not, and nothing that is no socket. Anybody may connect (0777, PostgreSQL's default): what
// they have to prove is asked of them, and who reaches it at all is up to its directory, which is
// neither made nor changed.
// It guarantees: when it goes, the file goes, where the process may still remove it, and only if it
// is its own.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.hpp"

namespace pgkeel::gateway {

class UnixListener {
 public:
  /// Listens, and does not block. PortTaken: somebody listens there. Refused: a file that is no
  /// socket. Malformed: a path the kernel does not take. Else what the system says.
  /// It sets the process's umask for a moment: chmod() by name could be led elsewhere by whoever
  /// may write to the directory.
  [[nodiscard]] static Result<UnixListener> at(const std::string& path);
  /// Takes over one that another process has made and passed on; NotFound: no socket is at `path`.
  [[nodiscard]] static Result<UnixListener> taken_over(std::string path, int descriptor);
  ~UnixListener();
  /// Closes it; the file is another process's from here on.
  void pass_on() &&;
  UnixListener(UnixListener&& other) noexcept;
  UnixListener& operator=(UnixListener&&) = delete;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  UnixListener(std::string path, int descriptor)
      : path_(std::move(path)), descriptor_(descriptor) {}

  std::string path_;
  int descriptor_;
  dev_t device_ = 0;  ///< of the file
  ino_t inode_ = 0;
};

}  // namespace pgkeel::gateway
