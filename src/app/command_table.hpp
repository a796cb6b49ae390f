// The table of contents of the binary, for main() and for the tests that compare the reference with
// it.
#pragma once

#include "app/command.hpp"

namespace pgkeel::app {

[[nodiscard]] CommandTable command_table();

}  // namespace pgkeel::app
