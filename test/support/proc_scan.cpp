// See proc_scan.hpp.
#include "support/proc_scan.hpp"

#include <charconv>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

namespace pgkeel::test {

namespace {

template <class Fits>
std::vector<pid_t> pids_that(Fits fits) {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    pid_t pid = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) continue;
    if (fits(entry.path())) found.push_back(pid);
  }
  return found;
}

// Empty of one that ends while it is read: an iterator over the buffer would throw.
std::string arguments_of(const std::filesystem::path& process) {
  std::ostringstream text;
  text << std::ifstream(process / "cmdline").rdbuf();
  return text.str();
}

std::string working_dir(const std::filesystem::path& process) {
  std::error_code failed;
  return std::filesystem::read_symlink(process / "cwd", failed).string();
}

}  // namespace

std::vector<pid_t> pids_in(const std::filesystem::path& dir) {
  return pids_that([&](const auto& process) { return working_dir(process) == dir; });
}

// A zombie has neither arguments nor a working directory.
std::vector<pid_t> pids_about(const std::filesystem::path& dir) {
  return pids_that([&](const auto& process) {
    const auto text = arguments_of(process);
    return text.contains(dir.string()) || working_dir(process).starts_with(dir.string());
  });
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
