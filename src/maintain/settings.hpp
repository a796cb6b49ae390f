// Reads the settings of a server and changes them, one ALTER SYSTEM after the other. A change
// counts when a new session has it, or when the server says that it waits for a restart.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "maintain/server_access.hpp"
#include "maintain/tuning.hpp"

namespace pgkeel::maintain {

/// Bounded by kSettingsPatience; any role may read them.
runtime::Task<Result<ServerSettings>> read_settings(const ServerAccess* access);

struct Changed {
  std::string name;
  std::string now;  ///< as a new session shows it
  bool waits_for_restart = false;
  bool confirmed = true;  ///< false: set, but no new session has it
  std::string take_back;  ///< the statement
};

/// How far it came: what is in `done` is done, whatever `failure` says of the one behind it.
struct Changes {
  std::vector<Changed> done;
  std::optional<Error> failure;
  std::string failed_at;  ///< name of the setting
};

/// Only those of Kind::Apply. Nothing is taken back when one fails: each stands for itself.
runtime::Task<Changes> change_settings(const ServerAccess* access, ServerSettings before,
                                       std::vector<Proposal> proposals);

}  // namespace pgkeel::maintain
