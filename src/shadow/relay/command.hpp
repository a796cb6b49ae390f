// What a walreceiver asks on its replication connection. Pure.
// https://www.postgresql.org/docs/current/protocol-replication.html
#pragma once

#include <string_view>
#include <variant>

#include "base/result.hpp"
#include "base/strong.hpp"

namespace pgkeel::shadow {

struct IdentifySystem {};
struct TimelineHistory {
  TimelineId timeline;
};
struct StartReplication {
  Lsn from;
  TimelineId timeline;  ///< not valid: the newest
};

using ReplicationCommand = std::variant<IdentifySystem, TimelineHistory, StartReplication>;

/// Refused for all else a server knows: slots, base backups, logical streams, SQL.
[[nodiscard]] Result<ReplicationCommand> parse_replication_command(std::string_view text);

}  // namespace pgkeel::shadow
