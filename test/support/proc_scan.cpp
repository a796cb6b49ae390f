// See proc_scan.hpp.
#include "support/proc_scan.hpp"

#include <charconv>
#include <fstream>
#include <string>
#include <system_error>

namespace pgkeel::test {

std::vector<pid_t> pids_in(const std::filesystem::path& dir) {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    std::error_code failed;
    const auto where = std::filesystem::read_symlink(entry.path() / "cwd", failed);
    if (!failed && where == dir) found.push_back(pid);
  }
  return found;
}

char proc_state(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return 0;
  // The command is in parentheses and may itself hold parentheses and spaces.
  const auto close = line.rfind(')');
  return close == std::string::npos || close + 2 >= line.size() ? '\0' : line[close + 2];
}

}  // namespace pgkeel::test
