// See freezer.hpp.
#include "chaos/freezer.hpp"

#include <unistd.h>

#include <fstream>
#include <string>

#include "chaos/chaos.hpp"
#include "support/proc_scan.hpp"

namespace pgkeel::chaos {
namespace {

namespace fs = std::filesystem;

fs::path cgroup2_mount() {
  std::ifstream mounts("/proc/self/mounts");
  std::string source;
  std::string place;
  std::string type;
  std::string rest;
  while (mounts >> source >> place >> type && std::getline(mounts, rest))
    if (type == "cgroup2") return place;
  return {};
}

bool put(const fs::path& file, const std::string& text) {
  std::ofstream out(file);
  out << text << std::flush;
  return out.good();
}

bool has_line(const fs::path& file, std::string_view wanted) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line == wanted) return true;
  return false;
}

}  // namespace

Freezer::Freezer() {
  const auto mount = cgroup2_mount();
  if (mount.empty()) return;
  const auto group = mount / ("pgkeel-test-" + std::to_string(::getpid()));
  std::error_code error;
  if (fs::create_directory(group, error)) group_ = group;
}

Freezer::~Freezer() {
  if (!possible()) return;
  clear();
  std::error_code ignored;
  fs::remove(group_, ignored);
}

// What a process forks is in its group from the start, so the second pass at the latest finds
// nothing new; one that ends meanwhile is no matter.
bool Freezer::freeze(const fs::path& data_dir) const {
  if (!put(group_ / "cgroup.freeze", "0")) return false;
  const auto all_inside = [&] {
    bool inside = true;
    for (const auto pid : test::pids_in(data_dir)) {
      if (has_line(group_ / "cgroup.procs", std::to_string(pid))) continue;
      inside = false;
      static_cast<void>(put(group_ / "cgroup.procs", std::to_string(pid)));
    }
    return inside;
  };
  return test::wait_until(all_inside, kPatience) && put(group_ / "cgroup.freeze", "1") &&
         test::wait_until([&] { return has_line(group_ / "cgroup.events", "frozen 1"); },
                          kPatience);
}

void Freezer::clear() const {
  if (!put(group_ / "cgroup.kill", "1")) put(group_ / "cgroup.freeze", "0");
  static_cast<void>(test::wait_until(
      [&] { return has_line(group_ / "cgroup.events", "populated 0"); }, kPatience));
}

}  // namespace pgkeel::chaos
