// One standby that streams from the archive: the sender's side of the replication protocol, as a
// walreceiver of 13 to 18 speaks it. Sans I/O: bytes come in, bytes go out.
// It guarantees: WAL goes out in order and without a gap, each message ends at a record or a page;
// a timeline goes out up to where it was left, then the next one is named; never more is waiting to
// go out than kPendingMax. It refuses whatever is no physical stream without a slot, and stops
// before a record that a standby on this machine must not replay (record_watch.hpp).
#pragma once

#include <optional>
#include <string>

#include "archive/receive/message.hpp"
#include "base/time.hpp"
#include "pg/wire/message_reader.hpp"
#include "pg/wire/out_queue.hpp"
#include "shadow/relay/command.hpp"
#include "shadow/relay/record_watch.hpp"
#include "shadow/relay/shelf.hpp"

namespace pgkeel::shadow {

/// The application_name of a gate: it replays nothing and is given what no standby here may replay.
inline constexpr const char* kGateName = "pgkeel_gate";

/// What a standby has said of itself.
struct StandbyView {
  std::string application_name;
  bool streaming = false;
  TimelineId timeline;
  Lsn sent;
  archive::StandbyStatus status = {};
  std::optional<UnfitRecord> held = {};  ///< why nothing more goes out
  std::optional<Error> refusal = {};     ///< the last one
};

class RelaySession {
 public:
  /// MAX_SEND_SIZE of walsender.c.
  static constexpr std::size_t kMessageMax = 128U << 10U;
  static constexpr std::size_t kPendingMax = 1U << 20U;
  /// Well inside wal_receiver_timeout (60 s by default, half of which it waits before it asks).
  static constexpr Millis kKeepaliveEvery{10'000};

  RelaySession(Shelf& shelf, SystemId system_id, SteadyTime now)
      : shelf_(shelf), system_id_(system_id), spoke_at_(now) {}

  void receive(ByteSpan bytes, SteadyTime now);
  /// Puts out what is there for it by now.
  void pump(SteadyTime now);
  [[nodiscard]] ByteSpan pending() const { return out_.pending(); }
  void sent(std::size_t bytes) { out_.sent(bytes); }
  [[nodiscard]] std::size_t bytes_held() const { return out_.bytes_held(); }
  /// Nothing more will come; what is pending may still go out.
  [[nodiscard]] bool ended() const { return state_ == State::Ended; }
  [[nodiscard]] const StandbyView& view() const { return view_; }

 private:
  enum class State { Starting, Idle, Streaming, Leaving, Ended };

  Result<bool> take_one(SteadyTime now);
  void begin(const pg::wire::StartupPacket& packet);
  void begin_session(const pg::wire::StartupMessage& startup);
  void take(const pg::wire::Message& message, SteadyTime now);
  void query(const pg::wire::Message& message, SteadyTime now);
  Result<void> answer(const ReplicationCommand& command, SteadyTime now);
  Result<void> identify();
  Result<void> tell_history(TimelineId timeline);
  Result<void> start(const StartReplication& command, SteadyTime now);
  void hear(const pg::wire::Message& message, SteadyTime now);
  void copy_ended_by_standby();
  void tell_next_timeline();
  void stream_complete();
  Result<void> send_wal(SteadyTime now);
  Result<void> begin_watch();
  Result<void> look_up_to(Lsn end);
  Result<void> send_piece(Lsn limit, SteadyTime now);
  void leave();
  void keep_alive(SteadyTime now);
  void refuse(const Error& error, std::string_view severity);

  Shelf& shelf_;
  SystemId system_id_;
  State state_ = State::Starting;
  pg::wire::MessageReader in_{pg::wire::Sender::Frontend, kPendingMax};
  pg::wire::OutQueue out_;
  OpenSegment open_;
  std::optional<RecordWatch> watch_;
  bool replays_ = true;
  std::vector<std::byte> piece_;
  std::optional<LeftTimeline> left_;  ///< where the timeline that is streamed ends
  TimelineId newest_;                 ///< when that was looked up
  StandbyView view_;
  SteadyTime spoke_at_;
};

}  // namespace pgkeel::shadow
