// The one way anything is moved out of the way: renamed beside itself with a timestamp, never
// deleted.
#pragma once

#include <filesystem>

#include "base/time.hpp"

namespace pgkeel::recover {

/// "/a/main" -> "/a/main.pgkeel-aside-20261121T030405Z".
[[nodiscard]] std::filesystem::path aside_path(const std::filesystem::path& path, WallTime now);

/// For what is in a mount point: "/a/main" -> "/a/main/pgkeel-aside-20261121T030405Z".
[[nodiscard]] std::filesystem::path aside_path_within(const std::filesystem::path& path,
                                                      WallTime now);

}  // namespace pgkeel::recover
