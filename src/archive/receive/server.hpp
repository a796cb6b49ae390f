// The replication commands of a WAL receiver, one function each. Same on 13 to 18 unless it says
// otherwise. https://www.postgresql.org/docs/current/protocol-replication.html
#pragma once

#include <optional>
#include <string>

#include "archive/receive/start_point.hpp"
#include "base/result.hpp"
#include "client/replication.hpp"

namespace pgkeel::archive {

struct ServerIdentity {
  SystemId system_id;
  TimelineId timeline;
  Lsn flushed;  ///< of a standby: replayed
  std::uint64_t segment_bytes = pg::kDefaultWalSegmentBytes;
};

/// IDENTIFY_SYSTEM and SHOW wal_segment_size.
[[nodiscard]] Result<ServerIdentity> identify(client::ReplicationSession& session);

/// Makes the physical slot, holding WAL from the last checkpoint on, or accepts the one there is.
Result<void> ensure_slot(client::ReplicationSession& session, const std::string& slot);
/// Drops it and makes it again: one that lost its WAL is of no use any more.
Result<void> renew_slot(client::ReplicationSession& session, const std::string& slot);
/// From where it holds WAL; nullopt before 15, which has no command to ask, and when it holds none.
[[nodiscard]] Result<std::optional<Lsn>> slot_restart(client::ReplicationSession& session,
                                                      const std::string& slot);

/// The history file's content as the server has it.
[[nodiscard]] Result<std::string> timeline_history(client::ReplicationSession& session,
                                                   TimelineId timeline);

/// START_REPLICATION's text.
[[nodiscard]] std::string start_command(const std::string& slot, const StreamStart& start);

/// Whether the error names a WAL segment the server no longer has. By SQLSTATE and name: its words
/// follow lc_messages.
[[nodiscard]] bool segment_is_gone(const Error& error);
/// Whether the error of a stream says that the WAL asked for is gone: the segment, or the slot,
/// which is asked for over the session.
[[nodiscard]] bool wal_is_gone(client::ReplicationSession& session, const std::string& slot,
                               const Error& error);

}  // namespace pgkeel::archive
