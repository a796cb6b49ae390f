// A restore from beginning to end: plan, extract, replay to the target in a private server, stop it
// cleanly. What is left is an ordinary stopped cluster that needs no archive to be started.
// It guarantees: nothing outside `into` and the tablespace directories is written; the server's own
// tablespaces can never be opened by the restored one (a tablespace made during replay would be).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "archive/catalog/backup.hpp"
#include "archive/restore/extract.hpp"
#include "archive/restore/plan.hpp"
#include "archive/restore/private_server.hpp"

namespace pgkeel::archive {

enum class RestorePhase { Planning, Copying, Replaying, Stopping };

struct RestoreProgress {
  RestorePhase phase = RestorePhase::Planning;
  std::uint64_t bytes = 0;        ///< restored so far
  std::uint64_t bytes_total = 0;  ///< of the backup
  std::uint64_t segments = 0;     ///< of WAL replayed so far
  std::string segment;            ///< being replayed
};

struct RestoreRequest {
  Store* store = nullptr;
  const KeyRing* keys = nullptr;
  std::filesystem::path incoming = {};  ///< the receiver's spool; empty: none within reach
  std::filesystem::path into;
  std::filesystem::path tablespaces_into = {};  ///< empty: tablespace_dir(into)
  RecoveryTarget target = {};
  std::optional<std::string> label = {};
  std::optional<TimelineId> timeline = {};  ///< see RestoreQuestion
  std::filesystem::path bin_dir = {};       ///< empty: found from the backup's major
  /// Where the programs come from instead: what the backup's server runs in. Its major is the
  /// backup's.
  std::optional<ServerImage> image = {};
  std::optional<runtime::Account> account = {};
  std::string superuser = "postgres";
  std::filesystem::path wal_fetch;  ///< the pgkeel binary, for restore_command
  /// Directories the server being protected uses on this machine now: data and tablespaces.
  std::set<std::filesystem::path> in_use = {};
  /// Puts a copy of that cluster that is not yet at the target, its tablespaces elsewhere, at
  /// `into` by its own means: then no file is copied. False: it did nothing. Empty: there is none.
  std::function<Result<bool>(const std::filesystem::path& into, SystemId system_id)> bring_copy =
      {};
  int threads = 2;
  std::function<void(const RestoreProgress&)> tell = {};
  std::stop_token stop = {};
};

struct Restored {
  Backup backup;
  TimelineId timeline;            ///< the new one
  TimelineId followed;            ///< the one it left
  Lsn lsn;                        ///< up to where was replayed
  std::filesystem::path bin_dir;  ///< of the programs that replayed; empty: an image's
  std::optional<pg::WalSegment> gap;
  std::optional<AbandonedBranch> abandoned;
  bool brought = false;  ///< bring_copy did, instead of the backup
  Millis copy_took{};
  Millis replay_took{};
  std::uint64_t segments = 0;
  std::map<Oid, std::filesystem::path> tablespaces;
};

/// What to do with the server once it has replayed and before it is stopped: a drill's checks.
using WhileUp = std::function<Result<void>(const PrivateServer&, const Restored&)>;

Result<Restored> restore(const RestoreRequest& request, const WhileUp& while_up = {});

/// Its first half: planned, copied and compared with the manifest; nothing is replayed and no
/// server started. What is left needs the archive's WAL: a standby's beginning.
Result<Restored> lay_out(const RestoreRequest& request);

/// What it would start from; reads the store only.
[[nodiscard]] Result<RestorePlan> plan_restore_of(const RestoreRequest& request);

/// INTO-tablespaces/OID: where the tablespaces of a restore into INTO go.
[[nodiscard]] std::filesystem::path tablespace_dir(const std::filesystem::path& into, Oid oid);

}  // namespace pgkeel::archive
