// Everything a child needs between fork and exec, prepared before the fork: after it only
// async-signal-safe calls are allowed, so nothing may be allocated or looked up any more.
// Private to the room.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.hpp"
#include "runtime/process.hpp"

namespace pgkeel::runtime::detail {

struct ChildPlan {
  std::string executable;  ///< absolute
  std::vector<std::string> arguments;
  std::vector<std::string> environment;  ///< "NAME=value"
  std::string working_dir;               ///< empty: stay
  std::optional<Account> run_as;
  std::vector<gid_t> groups;  ///< supplementary groups of run_as
};

/// MissingBinary when argv[0] names no file; Spawn or NotFound when the account's groups are not to
/// be had.
Result<ChildPlan> plan_child(const ProcessSpec& spec);

/// Our environment without spec.environment_removed, with HOME, USER and LOGNAME of run_as, with
/// spec.environment.
[[nodiscard]] std::vector<std::string> plan_environment(const ProcessSpec& spec,
                                                        const char* const* ours);

}  // namespace pgkeel::runtime::detail
