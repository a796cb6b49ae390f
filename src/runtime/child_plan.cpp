// See child_plan.hpp.
#include "runtime/child_plan.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>

namespace pgkeel::runtime::detail {
namespace {

namespace fs = std::filesystem;
using Environment = std::map<std::string, std::string, std::less<>>;

// What execvp would use when PATH is unset.
constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

bool is_executable_file(const fs::path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

std::string_view value_in(const std::vector<std::string>& environment, std::string_view name) {
  for (const auto& entry : environment)
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
      return std::string_view(entry).substr(name.size() + 1);
  return {};
}

Result<std::string> find_executable(const std::string& name, std::string_view search_path) {
  if (name.find('/') != std::string::npos) {
    std::error_code error;
    if (fs::exists(name, error)) return fs::absolute(name).native();
    return fail(ErrorCode::MissingBinary, fmt::format("{} does not exist", name));
  }
  if (search_path.empty()) search_path = kDefaultPath;
  while (!search_path.empty()) {
    const auto end = std::min(search_path.find(':'), search_path.size());
    const auto candidate = fs::path(search_path.substr(0, end)) / name;
    if (candidate.is_absolute() && is_executable_file(candidate)) return candidate.native();
    search_path.remove_prefix(std::min(end + 1, search_path.size()));
  }
  return fail(ErrorCode::MissingBinary, fmt::format("'{}' is not in PATH", name));
}

Result<std::vector<gid_t>> groups_of(const Account& account) {
  int count = 64;
  std::vector<gid_t> groups;
  for (int attempt = 0; attempt < 2; ++attempt) {  // the first call may only tell the size
    groups.resize(static_cast<std::size_t>(count));
    if (::getgrouplist(account.name.c_str(), account.gid, groups.data(), &count) >= 0) {
      groups.resize(static_cast<std::size_t>(count));
      return groups;
    }
  }
  return fail(ErrorCode::Spawn, fmt::format("cannot list the groups of {}", account.name));
}

}  // namespace

std::vector<std::string> plan_environment(const ProcessSpec& spec, const char* const* ours) {
  Environment environment;
  for (; ours != nullptr && *ours != nullptr; ++ours) {
    const std::string_view entry(*ours);
    const auto equals = entry.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    environment.try_emplace(std::string(entry.substr(0, equals)), entry.substr(equals + 1));
  }
  for (const auto& name : spec.environment_removed) environment.erase(name);
  if (spec.run_as) {
    environment["HOME"] = spec.run_as->home;
    environment["USER"] = environment["LOGNAME"] = spec.run_as->name;
  }
  for (const auto& [name, value] : spec.environment) environment[name] = value;
  std::vector<std::string> entries;
  entries.reserve(environment.size());
  for (const auto& [name, value] : environment) entries.push_back(name + "=" + value);
  return entries;
}

Result<ChildPlan> plan_child(const ProcessSpec& spec) {
  if (spec.argv.empty()) return fail(ErrorCode::Spawn, "no program to run");
  ChildPlan plan{.executable = {},
                 .arguments = spec.argv,
                 .environment = plan_environment(spec, environ),
                 .working_dir = spec.working_dir.native(),
                 .run_as = spec.run_as,
                 .groups = {}};
  TRY(executable, find_executable(spec.argv.front(), value_in(plan.environment, "PATH")));
  plan.executable = std::move(executable);
  if (spec.run_as) {
    TRY(groups, groups_of(*spec.run_as));
    plan.groups = std::move(groups);
  }
  return plan;
}

}  // namespace pgkeel::runtime::detail
