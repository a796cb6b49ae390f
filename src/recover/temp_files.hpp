// Temporary files of the server's sessions, as they lie on its disks: what sorts, hashes and
// cursors that did not fit into memory take. Each says by its name whose it is.
// It refuses to touch them: those of a living session are its session's, and those of a dead one
// are removed by the server when it starts.
#pragma once

#include <sys/types.h>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/time.hpp"

namespace pgkeel::recover {

struct TempFile {
  pid_t pid = 0;  ///< in the server's own name space; a parallel worker's, perhaps
  std::uint64_t bytes = 0;
  WallTime written;
  dev_t device = 0;
};

/// In pgsql_tmp of the data directory and of every tablespace that can be reached; at most
/// kTempFilesMost. Blocking.
[[nodiscard]] std::vector<TempFile> temp_files(const std::filesystem::path& data_dir);
inline constexpr std::size_t kTempFilesMost = 100'000;

/// "pgsql_tmp4711.0", "pgsql_tmp4711.0.sharedfileset" (14 and later: ".fileset"): 4711; 0: none.
[[nodiscard]] pid_t temp_file_owner(std::string_view name);

}  // namespace pgkeel::recover
