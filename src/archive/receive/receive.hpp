// The WAL receiver: a gapless stream from the server's slot into the spool and on into the store,
// for as long as it is not told to stop. Blocking; a process of its own runs it (pgkeel receive).
// It guarantees: whatever is killed or cut off, it goes on where it was, without gap or overlap; a
// position is reported flushed only when it is on disk here. It refuses WAL of another cluster, and
// of a server whose history does not lead through what the archive has. WAL the server has removed
// is a gap: said loudly, kept in the status, never passed over in silence.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "archive/codec/encoded.hpp"
#include "archive/receive/flush_policy.hpp"
#include "archive/storage/open.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"
#include "pg/conninfo.hpp"
#include "runtime/account.hpp"

namespace pgkeel::archive {

/// Of the slot, and the name sync mode puts into synchronous_standby_names.
inline constexpr const char* kReceiverName = "pgkeel_receiver";
inline constexpr const char* kReceiveStatusFile = "receive.json";
inline constexpr const char* kReceiveLockFile = "receive.lock";
/// Free space a full archive disk still has for backups to end in order, and for the state.
inline constexpr std::uint64_t kSpoolFreeBytesMin = 256U << 20U;

/// How the server is reached just now.
struct ServerAddress {
  pg::Conninfo conninfo;
  std::optional<runtime::Account> connect_as = {};
};

struct ReceiveRequest {
  std::function<Result<ServerAddress>()> locate;  ///< asked before every connection
  std::string slot = kReceiverName;
  std::string application_name = kReceiverName;
  std::filesystem::path spool;      ///< STORE/incoming, or STATE_DIR/incoming for a bucket
  std::filesystem::path state_dir;  ///< of the status and of the writer's identity
  StoreAddress store;
  Encoding encoding = {};
  Durability durability = Durability::Async;
  std::optional<SystemId> system_id = {};  ///< the archive's; none: the first server decides
  std::uint64_t free_bytes_min = kSpoolFreeBytesMin;
  int wake_fd = -1;  ///< readable: stop in order
  /// Told of every piece of WAL that is in the spool, from the thread that must not wait: all of
  /// that timeline up to there, the end of a record or of a page.
  std::function<void(TimelineId, Lsn)> on_written = {};
  std::string relays_in = {};  ///< for the status

  [[nodiscard]] std::filesystem::path status_file() const { return state_dir / kReceiveStatusFile; }
};

/// Runs until wake_fd is readable; everything received is then flushed and reported. What stands in
/// the way is shown in the status and tried again; an error is only what no time can mend: a spool
/// that another receiver uses (StateLocked) or that cannot be made, and a spool or state directory
/// that was removed meanwhile (NotFound), which is said and never made again.
Result<void> receive(const ReceiveRequest& request);

/// Where the spool of a store is.
[[nodiscard]] std::filesystem::path spool_directory(const StoreAddress& store,
                                                    const std::filesystem::path& state_dir);

}  // namespace pgkeel::archive
