// Up to where a restore replays: `--to latest|TIME|LSN|xid:N|name:LABEL`, as the server's own
// recovery_target_* settings. Pure.
// https://www.postgresql.org/docs/current/runtime-config-wal.html#RUNTIME-CONFIG-WAL-RECOVERY-TARGET
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"

namespace pgkeel::archive {

struct RecoveryTarget {
  enum class Kind { Latest, Time, Position, Transaction, Name } kind = Kind::Latest;
  enum class Stop { After, Before } stop = Stop::After;  ///< what the target itself becomes
  WallTime time;
  Lsn lsn;
  Xid xid;
  std::string name;

  [[nodiscard]] std::string describe() const;  ///< "the latest moment", "0/3A7D9060"
};

/// "latest", "2026-11-21T03:04:05Z" (or with a space, "+01:00", or without a zone: UTC),
/// "0/3A7D9060", "xid:23015", "name:before_migration"; a leading "before:" excludes the target
/// itself. Usage with what is accepted.
[[nodiscard]] Result<RecoveryTarget> parse_target(std::string_view text);

using Settings = std::vector<std::pair<std::string, std::string>>;
/// recovery_target_* and, for anything but the latest, recovery_target_action=promote.
[[nodiscard]] Settings target_settings(const RecoveryTarget& target);

}  // namespace pgkeel::archive
