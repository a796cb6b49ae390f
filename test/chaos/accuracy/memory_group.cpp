// See memory_group.hpp.
#include "chaos/accuracy/memory_group.hpp"

#include <unistd.h>

#include <csignal>
#include <fstream>
#include <stdexcept>
#include <string>

#include "support/wait.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFirst = "/sys/fs/cgroup/memory";
constexpr const char* kSecond = "/sys/fs/cgroup";

bool is_first() { return fs::exists(fs::path(kFirst) / "memory.limit_in_bytes"); }

bool put(const fs::path& file, const std::string& text) {
  std::ofstream out(file);
  out << text << std::flush;
  return out.good();
}

bool second_has_memory() {
  std::ifstream in(fs::path(kSecond) / "cgroup.controllers");
  for (std::string word; in >> word;)
    if (word == "memory") return true;
  return false;
}

}  // namespace

std::string MemoryGroup::unable() {
  if (::geteuid() != 0) return "needs root, to limit a server's memory";
  if (::access("/dev/kmsg", R_OK) != 0) return "the kernel's log cannot be read here";
  if (!is_first() && !second_has_memory()) return "no control group limits memory here";
  const fs::path root = is_first() ? kFirst : kSecond;
  return ::access(root.c_str(), W_OK) == 0 ? "" : "control groups cannot be made here";
}

MemoryGroup::MemoryGroup(std::uint64_t limit_bytes) {
  const bool first = is_first();
  if (!first) static_cast<void>(put(fs::path(kSecond) / "cgroup.subtree_control", "+memory"));
  const auto group =
      fs::path(first ? kFirst : kSecond) / ("pgkeel-test-memory-" + std::to_string(::getpid()));
  std::error_code error;
  if (fs::create_directory(group, error)) group_ = group;
  const auto* limit = first ? "memory.limit_in_bytes" : "memory.max";
  if (!group_.empty() && put(group_ / limit, std::to_string(limit_bytes))) return;
  fs::remove(group_, error);
  throw std::runtime_error("no control group with a limit of memory could be made");
}

std::vector<pid_t> MemoryGroup::members() const {
  std::vector<pid_t> pids;
  std::ifstream in(group_ / "cgroup.procs");
  for (pid_t pid = 0; in >> pid;) pids.push_back(pid);
  return pids;
}

void MemoryGroup::take_in(const std::vector<pid_t>& processes) const {
  for (const auto pid : processes)
    static_cast<void>(put(group_ / "cgroup.procs", std::to_string(pid)));
}

MemoryGroup::~MemoryGroup() {
  const auto emptied = [this] {
    for (const auto pid : members()) ::kill(pid, SIGKILL);
    std::error_code error;
    return fs::remove(group_, error);
  };
  static_cast<void>(test::wait_until(emptied));
}

}  // namespace pgkeel::chaos
