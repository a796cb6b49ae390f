// SIGINT and SIGTERM end a run in order, so that its servers, guards and mounts end with it.
#pragma once

namespace pgkeel::chaos {

void take_interruptions();
[[nodiscard]] bool interrupted();

}  // namespace pgkeel::chaos
