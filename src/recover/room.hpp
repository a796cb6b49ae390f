// What fills a disk of the server's: its databases, its WAL, temporary files, logs, pgkeel's own
// archive, or something else; and how much more room it takes for thirty days. Looks at the files
// themselves, so it answers while the server does not.
// It guarantees: it reads directories and changes nothing, stays on the one file system, and ends
// after kEntriesMost entries, saying so. Blocking: call it through Loop::run_blocking.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "diagnose/health.hpp"
#include "incident/journal.hpp"
#include "runtime/files.hpp"
#include "sense/host_facts.hpp"

namespace pgkeel::recover {

/// A place the server writes to, seen from the machine the guard runs on.
struct ServerPlace {
  sense::SpaceRole role = sense::SpaceRole::Data;
  std::filesystem::path path;  ///< without links
};
/// One a file system: the data directory, pg_wal and the tablespaces where they are on others.
[[nodiscard]] std::vector<ServerPlace> server_places(const std::filesystem::path& data_dir);

/// So little is left that the server cannot go on: a crash recovery needs two segments, a
/// tablespace may be small. A bit more than what diagnosis calls full.
[[nodiscard]] bool is_full(sense::SpaceRole role, const runtime::DiskSpace& room);
/// The places that are so now, by the file system's own word.
[[nodiscard]] std::vector<ServerPlace> full_places(const std::filesystem::path& data_dir);

struct RoomUse {
  std::string what;  ///< "WAL", "temporary files", "pgkeel's archive"
  std::uint64_t bytes = 0;
};

struct RoomAccount {
  std::filesystem::path place;
  runtime::DiskSpace room;
  std::vector<RoomUse> uses;  ///< the largest first; the last sort is what is nobody's known
  bool whole = true;          ///< false: more than kEntriesMost entries, the rest was not counted
};
inline constexpr std::size_t kEntriesMost = 500'000;

/// Directories whose owner is known; empty ones are left out.
struct KnownDirectories {
  std::filesystem::path data_dir;
  std::filesystem::path archive;
  std::filesystem::path state;
};
[[nodiscard]] Result<RoomAccount> account_for(const std::filesystem::path& place,
                                              const KnownDirectories& known);

/// In the ring of probes: how much of a role's disk is used, noted now and then by the guard.
[[nodiscard]] std::string disk_probe(sense::SpaceRole role);
/// What was noted of it; those of the databases' size where nothing was.
[[nodiscard]] std::vector<diagnose::SizeSample> disk_samples(const incident::Journal& journal,
                                                             sense::SpaceRole role);

/// What to add so that it lasts for kGrowFor more days at this pace, a fifth of the disk at least,
/// rounded up to whole GB (MB of a small disk).
[[nodiscard]] std::uint64_t to_add(const runtime::DiskSpace& room,
                                   std::optional<double> growth_per_day);
inline constexpr int kGrowFor = 30;

/// "of 512 MB at /srv, WAL takes 300 MB, ..."; names the largest few.
[[nodiscard]] std::string uses_words(const RoomAccount& account);
/// "it grows by 2 GB a day: give it 60 GB more for 30 days".
[[nodiscard]] std::string growth_words(const runtime::DiskSpace& room,
                                       const std::vector<diagnose::SizeSample>& samples);

}  // namespace pgkeel::recover
