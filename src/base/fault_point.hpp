// Named places where a test may end the process, as a power cut would: between any two lines of the
// journal. A place costs one comparison when no test asked for it.
// PGKEEL_CRASH_AT=<name> ends the process with SIGKILL at that place, PGKEEL_CRASH_MARK=<file>
// makes it do so only once (the file is created first), so that the next process gets past it.
#pragma once

#include <string_view>

namespace pgkeel {

/// Ends the process here when a test asked for `name`; otherwise does nothing.
void fault_point(std::string_view name);

}  // namespace pgkeel
