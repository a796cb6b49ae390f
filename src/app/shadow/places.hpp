// Where the shadow's things are on this machine.
#pragma once

#include <filesystem>

#include "app/config.hpp"

namespace pgkeel::app {

/// shadow.data_dir, else beside the data directory: never inside it.
[[nodiscard]] std::filesystem::path shadow_data_directory(const Config& config);
/// Of its sockets: the relay's, which it streams from, and its own. Its server's account owns it.
[[nodiscard]] std::filesystem::path shadow_run_directory(const Config& config);

}  // namespace pgkeel::app
