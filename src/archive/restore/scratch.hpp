// A directory in which copies are restored for a while: a drill's, an undrop's. Each kind of job
// has a part of its own in it, so that one never clears away what another is using. It guarantees:
// only what such a job made is ever removed, the server a killed job left included; the disk is not
// filled, because the room is asked for first. It refuses a directory that is not ours. The caller
// holds the lock of its job: what is found in its part is a leftover.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "archive/catalog/backup.hpp"
#include "runtime/account.hpp"

namespace pgkeel::archive {

class Scratch {
 public:
  /// Makes `base` (or accepts ours) and clears the part called `job`. Refused when `base` holds
  /// something else, or when a server runs there that cannot be told to be ours.
  static Result<Scratch> prepare(const std::filesystem::path& base, std::string_view job,
                                 const std::optional<runtime::Account>& owner);

  [[nodiscard]] const std::filesystem::path& base() const { return base_; }
  /// Where the copy goes; it does not exist yet.
  [[nodiscard]] std::filesystem::path data() const { return base_ / job_; }
  /// An empty directory beside it, the owner's.
  [[nodiscard]] std::filesystem::path work() const { return base_ / (job_ + "-work"); }

  /// DiskFull unless the backup fits, with what replay adds and room left for others.
  Result<void> ask_for_room(const Backup& backup) const;
  /// Removes this job's part.
  Result<void> clear() const;

 private:
  Scratch(std::filesystem::path base, std::string job)
      : base_(std::move(base)), job_(std::move(job)) {}
  std::filesystem::path base_;
  std::string job_;
};

/// Ends, at once, the server a killed job left in a copy of ours, and waits for its processes.
/// Refused when it cannot be told whether one runs.
Result<void> end_server_of(const std::filesystem::path& copy);

/// DiskFull, with `hint`, unless a copy of `backup` fits into the file system of `directory`.
Result<void> ask_for_room_in(const std::filesystem::path& directory, const Backup& backup,
                             std::string_view hint);

/// Never less than this stays free.
inline constexpr std::uint64_t kRoomLeft = 1ULL << 30U;

}  // namespace pgkeel::archive
