// The receiver's relay as the gate reads it: a stream of WAL over its socket, as any standby's.
// Blocking; every wait ends when the wake-up descriptor is readable.
// https://www.postgresql.org/docs/current/protocol-replication.html (START_REPLICATION)
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <variant>

#include "archive/receive/message.hpp"
#include "client/replication.hpp"

namespace pgkeel::shadow {

/// Where WAL goes on when a timeline was left.
struct NextTimeline {
  TimelineId timeline;
  Lsn at;
};

class GateUpstream {
 public:
  /// `directory`: of the relay's socket; `name`: what the relay lists it as.
  static Result<GateUpstream> open(const std::filesystem::path& directory, const std::string& name,
                                   int wake_fd);

  /// NotFound when the archive does not have it. Nothing, or where the timeline was left, there.
  Result<std::optional<NextTimeline>> start(TimelineId timeline, Lsn from);
  /// Bytes, valid until the next call, nothing but a sign of life, or the timeline's end. TimedOut:
  /// nothing within `limit`; Cancelled: woken up. Both leave the stream as it was.
  using Piece = std::variant<std::monostate, archive::WalData, NextTimeline>;
  Result<Piece> read(Millis limit);
  /// How far it was read, and how far the shadow was given it.
  Result<void> report(Lsn read, Lsn given);

 private:
  explicit GateUpstream(client::ReplicationSession session) : session_(std::move(session)) {}
  Result<NextTimeline> ended();
  client::ReplicationSession session_;
};

}  // namespace pgkeel::shadow
