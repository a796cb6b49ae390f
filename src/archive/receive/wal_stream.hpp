// One stream on one timeline: from START_REPLICATION to its end. Takes messages into the spool,
// flushes and reports as the policy says, and keeps the status board up to date.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "archive/receive/flush_policy.hpp"
#include "archive/receive/ground.hpp"
#include "archive/receive/lag.hpp"
#include "archive/receive/message.hpp"
#include "archive/receive/segment_spool.hpp"
#include "archive/receive/shipper.hpp"
#include "archive/receive/status_board.hpp"
#include "client/replication.hpp"

namespace pgkeel::archive {

struct StreamEnd {
  enum class Why {
    Stopped,        ///< we were told to
    ServerStopped,  ///< the server shut down in order
    NextTimeline,   ///< `next` says where it goes on
  } why;
  std::optional<StreamStart> next = {};
};

/// What a stream works on; all of it outlives the stream.
struct StreamParts {
  const Ground& ground;
  SegmentSpool& spool;
  StatusBoard& board;
  Shipper& shipper;
  const std::function<void(TimelineId, Lsn)>& on_written;  ///< empty: nobody is told
};

class WalStream {
 public:
  /// Without a word from the server we ask it after the first, and give it up after the second.
  static constexpr Millis kAskAfter{5'000};
  static constexpr Millis kSilentMax{20'000};

  WalStream(client::ReplicationSession& session, const StreamParts& parts, Durability durability,
            int wake_fd);

  /// The spool has begun at `start`. Whatever the end, what was received is flushed then, if the
  /// disk lets us. ConnectionLost, Query (with what the server said), and the spool's errors.
  Result<StreamEnd> run(const std::string& slot, const StreamStart& start);

 private:
  Result<StreamEnd> follow();
  /// `next`: where this timeline is known to be left.
  Result<StreamEnd> server_ended(std::optional<StreamStart> next = {});
  Result<StreamEnd> stop();
  Result<void> take(ByteSpan message);
  Result<void> take_wal(const WalData& wal);
  Result<void> turn(FlushPolicy::Socket socket);
  Result<void> look_at_ground(SteadyTime now);
  Result<void> report();
  void server_at(Lsn end);
  void show();
  [[nodiscard]] SteadyTime ask_at() const;
  [[nodiscard]] bool told_to_stop();

  client::ReplicationSession& session_;
  const Ground& ground_;
  SegmentSpool& spool_;
  StatusBoard& board_;
  Shipper& shipper_;
  const std::function<void(TimelineId, Lsn)>& on_written_;
  const int wake_fd_;
  const Durability durability_;
  FlushPolicy policy_;
  LagTracker lag_;
  Lsn server_end_;
  SteadyTime heard_at_;
  SteadyTime asked_at_{};
  SteadyTime shown_at_{};
  bool shown_ = false;  // the board has everything
  SteadyTime stop_looked_at_{};
  SteadyTime ground_looked_at_{};
};

}  // namespace pgkeel::archive
