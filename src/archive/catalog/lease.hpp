// lease.json: the one writer of an archive. A machine that was cloned, or rolled back to an old
// snapshot, has the same configuration and the same server; the lease tells the copies apart, and
// the one that is not the holder archives and expires nothing.
// A writer is known by the machine's id and its state directory's; each renewal raises the epoch,
// which the writer also remembers: a copy that was overtaken finds a higher one. A server behind
// what it archived before on the same timeline was rolled back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "archive/storage/store.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"

namespace pgkeel::archive {

struct Lease {
  std::string machine_id;  ///< /etc/machine-id
  std::string writer_id;   ///< of the state directory
  std::uint64_t epoch = 0;
  TimelineId timeline;
  Lsn last_lsn;  ///< the server's flush position at the renewal
  WallTime renewed_at;
};

[[nodiscard]] std::string to_json(const Lease& lease);
[[nodiscard]] Result<Lease> parse_lease(std::string_view json);
[[nodiscard]] Result<std::optional<Lease>> read_lease(Store& store);

/// Where the server is now.
struct ServerPosition {
  TimelineId timeline;
  Lsn flushed;
};

/// Why `ours` may not write, given what the store and our own memory say; nullopt when it may.
/// Pure.
[[nodiscard]] std::optional<Error> objection(const std::optional<Lease>& in_store,
                                             const std::optional<Lease>& remembered,
                                             const Lease& ours, const ServerPosition& server);

/// Who we are, from the machine and STATE_DIR/archive-writer.json (made when absent).
class Writer {
 public:
  static Result<Writer> open(const std::filesystem::path& state_dir);
  /// Checks the lease and renews it. Refused when another holds it or we were overtaken. Safe
  /// beside the other jobs of this state directory (a file lock).
  Result<void> renew(Store& store, const ServerPosition& server);
  /// The same for a position that takes time to learn: when it is refused it is asked for once
  /// more, since the receiver beside us may have renewed with a newer one meanwhile.
  Result<void> renew(Store& store, const std::function<Result<ServerPosition>()>& look);
  /// The operator's word that this machine is the one from now on.
  Result<void> take_over(Store& store, const ServerPosition& server);

 private:
  Writer(std::filesystem::path state_dir, Lease self)
      : state_dir_(std::move(state_dir)), self_(std::move(self)) {}
  Result<void> write(Store& store, std::uint64_t epoch, const ServerPosition& server);
  std::filesystem::path state_dir_;
  Lease self_;
};

}  // namespace pgkeel::archive
