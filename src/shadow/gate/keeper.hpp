// Keeps the gate of a shadow that runs: reads the archive's WAL ahead of it, lets it have what
// destroys nothing, keeps it from the rest until that is released or its time is over. The shadow
// streams from a relay of ours that has no more than it may be given. Threads of its own.
// It guarantees: a release is written down before it is acted on; nothing that was kept is given
// because a process died; the archive and the receiver do not notice that WAL is held back.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "runtime/fd.hpp"
#include "shadow/gate/judge.hpp"
#include "shadow/gate/reader.hpp"
#include "shadow/gate/status.hpp"
#include "shadow/gate/upstream.hpp"
#include "shadow/relay/relay.hpp"

namespace pgkeel::shadow {

struct GateOptions {
  std::filesystem::path upstream;   ///< the directory of the receiver's relay
  std::filesystem::path directory;  ///< of the socket the shadow streams from
  std::filesystem::path file;       ///< gate.json
  std::filesystem::path releases;   ///< what others ask to release
  SystemId system_id;
  ShelfPlaces places;
  GateBounds bounds;
  Millis hold{30 * 60'000};
  std::uint64_t held_bytes_max = 8ULL << 30U;  ///< of WAL the shadow does not have
  JudgeSides sides;
  /// Somebody reads what is kept: nothing is let go because of time or size.
  std::function<bool()> in_use;
};

/// Where a shadow stands that no gate knows yet.
struct GatePosition {
  TimelineId timeline;
  Lsn at;
};

class GateKeeper {
 public:
  /// The shadow may connect from here on. `stands`: it cannot be given less.
  static Result<std::unique_ptr<GateKeeper>> start(GateOptions options, const GatePosition& stands);
  ~GateKeeper();
  GateKeeper(const GateKeeper&) = delete;
  GateKeeper& operator=(const GateKeeper&) = delete;

  [[nodiscard]] GateStatus status() const;
  /// What was found up to here is in the file.
  [[nodiscard]] Lsn told() const;
  /// Whether the shadow is kept from anything.
  [[nodiscard]] bool holds() const;
  /// When the receiver's relay was last connected to; now while it is.
  [[nodiscard]] SteadyTime fed_at() const;
  /// As our own relay sees who streams from it.
  [[nodiscard]] std::vector<StandbyView> standbys() const { return relay_->standbys(); }

 private:
  GateKeeper(GateOptions options, GateStatus status);
  Result<void> open_relay();

  // The reading thread.
  void read_ahead(const std::stop_token& stop);
  Result<void> follow(const std::stop_token& stop);
  Result<void> begin(GateUpstream& upstream);
  Result<void> take(const GateUpstream::Piece& piece, GateUpstream& upstream);
  void publish();
  void fed(bool now);
  void heed_wake();
  void refused_without_wal();
  void forget_behind(Lsn left_at);
  void note_progress();
  [[nodiscard]] TimelineId timeline_at(Lsn position) const;

  // The judging thread.
  void judge_all(const std::stop_token& stop);
  void look();
  bool judge_new_ones();
  void heed(const std::vector<ReleaseWish>& wishes);
  bool end_those_over();
  [[nodiscard]] std::optional<HoldEnd> over(const GateEntry& entry) const;
  [[nodiscard]] std::vector<Hold> to_be_judged();
  void judged(const Hold& hold, const Result<Judgement>& judgement);
  void destroyed(GateEntry& entry, const Hold& hold, const Judgement& judgement);
  void end(GateEntry& entry, HoldEnd why);
  void let_go();
  void forget_old_ones();
  Result<void> keep();

  GateOptions options_;
  runtime::Fd wake_;
  std::unique_ptr<Relay> relay_;
  GateReader reader_;                         // the reading thread's
  std::vector<NextTimeline> timelines_;       // the reading thread's: where each begins
  bool took_wal_ = false;                     // the reading thread's: of the last connection
  Lsn furthest_;                              // the reading thread's: it ever read
  SteadyTime began_at_ = SteadyClock::now();  // the reading thread's: the last time anew
  bool warms_up_ = true;  // the reading thread's: reads the segment before as well
  SteadyTime reported_at_{};
  std::string said_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any changed_;
  GateStatus status_;
  std::vector<Hold> holds_;
  std::set<Lsn> to_release_;
  std::map<Lsn, Lsn> to_move_;
  bool news_ = false;
  std::uint64_t changes_ = 0;       // of what is held
  std::uint64_t changes_kept_ = 0;  // as of them that are in the file
  Lsn told_;
  bool fed_ = false;
  SteadyTime fed_at_ = SteadyClock::now();  // when it was last
  SteadyTime kept_at_{};
  Lsn kept_limit_;

  // The judging thread's: to be released or moved when that is written down; tried before their
  // time.
  std::set<Lsn> ended_;
  std::map<Lsn, Lsn> moved_;
  std::set<Lsn> tried_;

  std::jthread reading_;
  std::jthread judging_;
};

}  // namespace pgkeel::shadow
