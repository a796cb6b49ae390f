// A control group with a limit of memory, of either hierarchy the kernel has: what a container or a
// small machine is to the server in it. Only this program's own servers are put into one.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace pgkeel::chaos {

class MemoryGroup {
 public:
  /// Why there can be none here; empty: there can.
  [[nodiscard]] static std::string unable();

  /// Throws std::runtime_error.
  explicit MemoryGroup(std::uint64_t limit_bytes);
  ~MemoryGroup();  ///< ends whoever is still in it
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;

  void take_in(const std::vector<pid_t>& processes) const;

 private:
  [[nodiscard]] std::vector<pid_t> members() const;

  std::filesystem::path group_;
};

}  // namespace pgkeel::chaos
