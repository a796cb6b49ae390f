// What the shadow's server runs with, whatever its copied configuration says. Pure.
#pragma once

#include <filesystem>

#include "archive/restore/private_server.hpp"
#include "pg/control_file.hpp"

namespace pgkeel::shadow {

/// A hot standby needs at least the primary's limits, which its control file follows; it streams
/// from the relay alone.
[[nodiscard]] archive::Settings standby_settings(const pg::ControlFile& control,
                                                 const std::filesystem::path& relay_directory,
                                                 std::string_view application_name);

}  // namespace pgkeel::shadow
