// The loop behind receive(): connect, see who is there, find the place, stream, and again.
#pragma once

#include <set>

#include "archive/receive/ground.hpp"
#include "archive/receive/receive.hpp"
#include "archive/receive/segment_spool.hpp"
#include "archive/receive/server.hpp"
#include "archive/receive/shipper.hpp"
#include "archive/receive/status_board.hpp"
#include "archive/receive/wal_stream.hpp"

namespace pgkeel::archive {

class Receiver {
 public:
  Receiver(const ReceiveRequest& request, Ground ground, ReceiveStatus status);
  Result<void> run();

 private:
  enum class Next { Stop, Again };
  Result<Next> attempt();
  Result<Next> stream_on(client::ReplicationSession& session, StreamStart start);
  Result<client::ReplicationSession> connect();
  Result<void> check_identity(const ServerIdentity& server);
  Result<void> ready_spool(const ServerIdentity& server);
  Result<ServerHistory> position_of(client::ReplicationSession& session,
                                    const ServerIdentity& server);
  Result<std::optional<StreamStart>> archived_until(const ServerIdentity& server);
  Result<void> keep_history(client::ReplicationSession& session, TimelineId timeline);
  void remember();
  Result<void> end_without_ground(const Error& why);
  Result<void> step_over_gap(const StreamStart& from);
  void say(const Error& error);
  [[nodiscard]] bool rest(Millis limit) const;

  const ReceiveRequest& request_;
  const Ground ground_;
  StatusBoard board_;
  Shipper shipper_;
  std::optional<SegmentSpool> spool_;
  std::optional<SystemId> system_id_;
  std::optional<StreamStart> resume_;   // where receiving goes on, once it has begun
  std::optional<StreamStart> trusted_;  // reported flushed up to here
  std::set<TimelineId> histories_;      // kept by this process
  bool streamed_ = false;               // something new since the last error
  std::string said_;
  SteadyTime said_at_{};
};

}  // namespace pgkeel::archive
