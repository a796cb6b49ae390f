// A directory of one test, in memory where the machine has /dev/shm: the unit tests commit
// thousands of times and must not wait for a disk. What a disk does is left to the integration
// tests.
#pragma once

#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace pgkeel::incident {

class ScratchDir {
 public:
  ScratchDir() {
    const bool in_memory = ::access("/dev/shm", W_OK | X_OK) == 0;
    std::string pattern = in_memory ? "/dev/shm/pgkeel-test-XXXXXX" : "/tmp/pgkeel-test-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp " + pattern);
    path_ = pattern;
  }
  ~ScratchDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(std::string_view name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace pgkeel::incident
