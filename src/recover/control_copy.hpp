// A copy of the server's control file, kept outside the data directory while the server runs, and
// the judgement whether it may take the lost one's place. A server started with it replays from the
// checkpoint it names, as after a crash: what is older than the data is made up by the WAL, if all
// of that is there. Nothing is invented: this is not pg_resetwal.
// It guarantees: only a whole file of the known cluster is kept, and only one that says "in
// production": with one that says "shut down" a server would not replay, and write over the WAL.
// A copy is usable only when every WAL segment from its redo position on is in pg_wal, of this
// cluster and without a gap, and the WAL tells everything (wal_level).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "incident/ledger.hpp"
#include "instance/instance.hpp"
#include "pg/control_file.hpp"
#include "sense/observation.hpp"

namespace pgkeel::recover {

struct ControlCopy {
  std::string bytes;  ///< as the server wrote them
  pg::ControlFile control;
};

/// STATE_DIR/pg_control. NotFound when none was kept yet, ControlFileCorrupt, WrongIdentity.
[[nodiscard]] Result<ControlCopy> read_control_copy(const std::filesystem::path& state_dir,
                                                    const incident::Identity& identity);

/// Copies the control file of a running primary. WrongIdentity when it is another cluster's,
/// WrongState when it says anything else than "in production".
Result<pg::ControlFile> keep_control_copy(const std::filesystem::path& state_dir,
                                          const std::filesystem::path& data_dir,
                                          const incident::Identity& identity);

/// Names of the segments, from the copy's redo position on, that are not in pg_wal although a later
/// one of the same timeline is: what a replay would have to have besides. Of what came after the
/// last one that is there nobody knows whether it was all; it is never asked for.
[[nodiscard]] Result<std::vector<std::string>> missing_segments(
    const std::filesystem::path& data_dir, const pg::ControlFile& copy);

/// Whether the file holds what its name says, of the copy's cluster, by its first page.
[[nodiscard]] bool is_segment(const std::filesystem::path& file, std::string_view name,
                              const pg::ControlFile& copy);

/// Where the WAL ends that replay from the copy would find. WrongState: the WAL that is needed is
/// not there, has a gap, or ends before `reached`; WrongIdentity: it is another cluster's.
[[nodiscard]] Result<Lsn> replayable_to(const std::filesystem::path& data_dir,
                                        const pg::ControlFile& copy, Lsn reached);

/// Into the free place below global/: Refused when something is there by then. What it is written
/// to first lies at the top of the directory: before 17 a base backup of a cluster with checksums
/// ends at a name it does not know below global/.
Result<void> place_control_copy(const instance::Instance& instance, const ControlCopy& copy);

}  // namespace pgkeel::recover
