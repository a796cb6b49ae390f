// Room kept in reserve: a file of zeros on each disk the server cannot do without, given up when
// that disk is full, so that a crash recovery can end and a human has time. On the file system of
// the data directory, and on that of pg_wal where it is another.
// It guarantees: only a file of its own name that begins with its own words is ever removed, and
// nothing else; none is made where room is short.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/result.hpp"

namespace pgkeel::recover {

/// One for each file system: beside the data directory, but none where that is a mount point, since
/// backups read all that is in it; beside what pg_wal points to, or in it, where that is on another
/// disk (a backup leaves its content out).
[[nodiscard]] std::vector<std::filesystem::path> ballast_files(
    const std::filesystem::path& data_dir);

/// Bytes of the ballast there; 0 when there is none, or a file that is not ours.
[[nodiscard]] std::uint64_t ballast_at(const std::filesystem::path& file);

/// Makes it, or goes on where a killed guard stopped. Refused: another's file has the name;
/// DiskFull: less than kRoomFor times as much is free, and nothing is made.
Result<void> make_ballast(const std::filesystem::path& file, std::uint64_t bytes);
inline constexpr std::uint64_t kRoomFor = 4;
/// Less free than this is a full disk: more than diagnosis takes for one, less than ballast leaves.
inline constexpr std::uint64_t kDiskIsFull = 32ULL << 20U;

/// Gives the room back; returns how many bytes. NotFound.
Result<std::uint64_t> release_ballast(const std::filesystem::path& file);

}  // namespace pgkeel::recover
