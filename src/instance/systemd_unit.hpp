// The unit of a server that has died. systemd runs the unit's stop command then, too, and Debian's
// stops whatever postmaster.pid names by that time: a server started a moment too early would be
// stopped in order, as if an operator had done it.
#pragma once

#include <string>

#include "runtime/loop.hpp"

namespace pgkeel::instance {

/// Waits until systemd has done with the unit, for half a minute at most. Returns at once when
/// there is no such unit or systemd does not answer.
runtime::Task<void> await_unit_settled(runtime::Loop* loop, std::string unit);

}  // namespace pgkeel::instance
