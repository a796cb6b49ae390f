// The unit of a server that has died. systemd runs the unit's stop command then, too, and Debian's
// stops whatever postmaster.pid names by that time: a server started a moment too early would be
// stopped in order, as if an operator had done it. And while systemd has not noticed the death,
// `systemctl start` does nothing and reports success.
#pragma once

#include <sys/types.h>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "instance/restarter.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::instance {

/// How the unit is set; Kind::None where systemd knows no such unit, or does not run here.
runtime::Task<Result<Restarter>> unit_restarter(runtime::Loop* loop, std::string unit);

/// Masks it until the next boot, or unmasks it, and asks again whether it is so: a unit file in
/// /etc is stronger than such a mask, of which systemctl says nothing. Refused then.
runtime::Task<Result<void>> set_unit_restarter(runtime::Loop* loop, Restarter wanted);

/// Waits until systemd has noticed the death, for two seconds at most, and has done with the unit,
/// for half a minute at most. `dead` is the server's pid where it is known. Returns at once when
/// there is no such unit, another server runs in it, or systemd does not answer.
runtime::Task<void> await_unit_settled(runtime::Loop* loop, std::string unit,
                                       std::optional<pid_t> dead);

}  // namespace pgkeel::instance
