// The proof that dumps restore: a fresh cluster in a scratch directory, in a server nobody can
// reach, every database of a run restored from the store into it, rows counted and compared,
// removed. It guarantees: no running server is touched. Of the globals only roles and their
// memberships are made: a tablespace would stand where the live server's is.
#pragma once

#include <filesystem>

#include "archive/dump/dump_restore.hpp"
#include "archive/restore/server_run.hpp"

namespace pgkeel::archive {

struct DumpDrillRequest {
  Store* store = nullptr;
  const KeyRing* keys = nullptr;
  std::optional<std::string> label;  ///< the newest good one when not given
  std::filesystem::path scratch;     ///< as a drill's; made when absent
  std::filesystem::path bin_dir;     ///< tried first
  /// Where this machine has no server new enough: an image's, and its other programs.
  std::optional<ServerImage> image = {};
  ClientPrograms image_programs = {};
  std::optional<runtime::Account> account;
  std::stop_token stop = {};
  std::function<void(std::uint64_t, std::uint64_t)> tell = {};  ///< bytes read, of how many
};

struct DumpDrill {
  std::string label;
  Proof proof;
};

/// The dump that would be proven, and which programs this machine has for it: MissingBinary when
/// none. For who has to come by others before.
[[nodiscard]] Result<Dump> dump_to_drill(const DumpDrillRequest& request);
[[nodiscard]] Result<ClientPrograms> find_server_programs(int major,
                                                          const std::filesystem::path& preferred);

/// A proof, holding or not, which stands in the store; an error is what kept the drill from being
/// tried: NotFound (no good dump), MissingBinary (server programs of which version), no room,
/// Cancelled.
[[nodiscard]] Result<DumpDrill> drill_dump(const DumpDrillRequest& request);

}  // namespace pgkeel::archive
