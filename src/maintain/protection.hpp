// Whether a database refuses drops nobody declared, and switching that on, off, or off for a
// while. One database at a time; what is done in one is done, whatever the next one says.
// It refuses: to replace a newer pgkeel's functions, to touch a schema `pgkeel` that is somebody
// else's, to begin where the role is no superuser.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "maintain/gateway_sql.hpp"
#include "maintain/server_access.hpp"

namespace pgkeel::maintain {

struct Protection {
  enum class State {
    Off,
    On,
    Older,    ///< whole, of an older pgkeel
    Damaged,  ///< parts are missing, disabled, or owned by a role that is no superuser
    Newer,    ///< a newer pgkeel put it there
    Foreign,  ///< a schema `pgkeel` that pgkeel did not make
  };
  std::string database;
  State state = State::Off;
  std::string set_up;  ///< "set up by root on 2026-11-22 06:50 UTC with 'pgkeel protect --apply'"
  std::optional<WallTime> window_until;  ///< also of one that is over
  std::string window_by;
  bool superuser = false;  ///< the session's role is one: it may change this
};
[[nodiscard]] std::string_view to_string(Protection::State state);
/// Whether a drop is refused when nobody declares it.
[[nodiscard]] bool refuses(const Protection& protection, WallTime now);

/// The databases of the instance that take connections and are no templates.
runtime::Task<Result<std::vector<std::string>>> list_databases(const ServerAccess* access);

runtime::Task<Result<Protection>> look_at_protection(const ServerAccess* access,
                                                     std::string database);
/// On an open session of that database.
runtime::Task<Result<Protection>> look_at_protection_on(const ServerAccess* access,
                                                        client::Connection* session,
                                                        std::string database);

/// Returns how it is afterwards. A whole one of this version is left alone, its window too.
runtime::Task<Result<Protection>> protect(const ServerAccess* access, std::string database,
                                          std::string who);
runtime::Task<Result<Protection>> unprotect(const ServerAccess* access, std::string database);
/// Drops are allowed until then; nullopt closes the window. WrongState where it is off.
runtime::Task<Result<Protection>> set_window(const ServerAccess* access, std::string database,
                                             std::optional<WallTime> until, std::string who);

/// Lets the role pgkeel_gateway, which it makes where there is none, ask for verifiers in that
/// database. WrongState where protection is off, which brings the function with it.
runtime::Task<Result<Protection>> grant_gateway(const ServerAccess* access, std::string database,
                                                GatewayRoles roles);
/// Takes that back; the role stays. Nothing to do where protection is off.
runtime::Task<Result<Protection>> revoke_gateway(const ServerAccess* access, std::string database);

}  // namespace pgkeel::maintain
