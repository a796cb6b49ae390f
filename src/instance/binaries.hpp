// Where PostgreSQL's programs are, and which major version they are of.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "runtime/account.hpp"
#include "runtime/loop.hpp"

namespace pgkeel::instance {

/// Directories in which packages put the programs of `major`, the likeliest first.
[[nodiscard]] std::vector<std::filesystem::path> usual_bin_dirs(int major);

/// The first of them that holds an executable `postgres`; MissingBinary names all that were tried.
[[nodiscard]] Result<std::filesystem::path> find_bin_dir(int major);

/// The newest installed major of 13 to 18; MissingBinary when there is none.
[[nodiscard]] Result<std::filesystem::path> find_newest_bin_dir();

/// MissingBinary, with the path, unless `bin_dir`/`program` is an executable file.
[[nodiscard]] Result<std::filesystem::path> program_in(const std::filesystem::path& bin_dir,
                                                       std::string_view program);

/// 15 from "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)"; also of betas ("18beta1").
/// Malformed when it is no such line.
[[nodiscard]] Result<int> parse_server_version(std::string_view line);

/// Asks `postgres --version`. MissingBinary, ChildFailed, TimedOut.
runtime::Task<Result<int>> read_server_major(runtime::Loop& loop, std::filesystem::path bin_dir);

}  // namespace pgkeel::instance
