// Not mounted is not lost: before anything is restored, the data is looked for. A data directory is
// known again by the system identifier in its control file, wherever it was renamed, mounted or
// moved to.
// It guarantees: only reads, a bounded number of directories and a deadline; network file systems
// are left out because a dead one hangs whoever looks. It decides nothing: base backups and
// standbys carry the same identifier, so the caller weighs timeline, position and state. Blocking;
// call through Loop::run_blocking.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"
#include "pg/control_file.hpp"
#include "runtime/files.hpp"

namespace pgkeel::instance {

inline constexpr std::size_t kSearchEntriesMax = 4096;   // of one directory
inline constexpr std::size_t kSearchPlacesMax = 65'536;  // in all; about a second of looking
inline constexpr std::size_t kSearchFoundMax = 64;       // more copies than anybody would weigh

/// In a copy pgkeel keeps beside the data (shadow/standby/copy.hpp). While it is a standby it is
/// never the lost directory, however well it looks like it.
inline constexpr const char* kShadowMarker = "pgkeel-shadow.json";

/// In a directory in which copies are restored for a while (archive/restore/scratch.hpp): what is
/// right below it is half made, or about to go.
inline constexpr const char* kScratchMarker = "pgkeel-drill";

struct LostDataQuery {
  SystemId system_id;
  std::filesystem::path data_dir;                ///< where it should be
  std::vector<std::filesystem::path> also = {};  ///< places somebody knows: other volumes
};

struct LostDataCandidate {
  std::filesystem::path path;
  pg::ControlFile control;
  runtime::InodeId inode;
  bool in_use = false;           ///< some process stands in it: a live server, or its orphans
  bool same_filesystem = false;  ///< as the wanted place: a rename brings it back
};

struct LostDataReport {
  std::vector<LostDataCandidate> candidates;  ///< nearest places first
  std::size_t places = 0;                     ///< looked at
  bool complete = true;                       ///< false: a limit or the deadline ended the search
  bool exhausted =
      false;  ///< the deadline, or so many places in all: it may be in one not looked at
};

/// Looks beside the wanted place and beside its two parents, and in the top two levels of every
/// mounted local file system, there also under the tail of the wanted path ("15/main").
[[nodiscard]] LostDataReport find_lost_data(const LostDataQuery& query, SteadyTime deadline);

/// A volume by its file system UUID, as the ledger keeps it.
struct VolumeFacts {
  bool attached = false;                            ///< the kernel has a device with this UUID
  std::filesystem::path device;                     ///< "/dev/sdb1"
  std::vector<std::filesystem::path> mount_points;  ///< empty: attached, but not mounted
};
[[nodiscard]] VolumeFacts find_volume(std::string_view filesystem_uuid);

/// "15/main", "main" for "/var/lib/postgresql/15/main" and 2: its last names, longest first.
[[nodiscard]] std::vector<std::filesystem::path> path_tails(const std::filesystem::path& path,
                                                            std::size_t names_max);

}  // namespace pgkeel::instance
