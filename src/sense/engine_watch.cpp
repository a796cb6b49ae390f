// See engine_watch.hpp.
#include "sense/engine_watch.hpp"

#include <algorithm>
#include <array>

#include "base/log.hpp"
#include "sense/files_look.hpp"

namespace pgkeel::sense {
namespace {

using instance::EngineEvent;
using runtime::Task;

constexpr auto kPausesS = std::to_array<int>({1, 2, 5, 10, 30, 60});
constexpr Seconds kSilence{3600};    // no event is no trouble; only the wait has an end
constexpr Seconds kStartTakes{5};    // from the engine's start to a postmaster that can be found
constexpr Millis kLookAgain{1'000};  // at most this often on others' account
constexpr int kEventsPerSecondMax = 100;
constexpr int kPastMax = 5'000;  // engines remember a few hundred, or what a journal of a day holds

// Too many in a second: whoever that is, it is no help.
class Flood {
 public:
  [[nodiscard]] bool comes(SteadyTime now) {
    if (now - since_ >= Seconds(1)) {
      since_ = now;
      count_ = 0;
    }
    return ++count_ > kEventsPerSecondMax;
  }

 private:
  SteadyTime since_;
  int count_ = 0;
};

void keep(Board& board, const EngineEvent& event, Seconds age) {
  auto& words = board.seen.hosting.words;
  if (words.size() == kEngineWordsKept) words.erase(words.begin());
  words.push_back({board.loop.now() - age, event.describe()});
}

// What the container is about to serve is compared now: the engine waits for nobody.
void expect_start(Board& board, const instance::Instance& instance) {
  board.expected_until = board.loop.after(kStartTakes);
  if (board.seen.process.state == ProcessState::Absent) look_at_data_dir(board, instance);
}

class Listener {
 public:
  Listener(Board& board, instance::Instance& instance, WallTime since)
      : board_(board), instance_(instance), told_until_(since) {}

  /// A stream is asked for: from when on; what its engine dates before this moment is past.
  std::optional<WallTime> begin() {
    began_ = wall_now();
    return told_until_ == WallTime() ? std::nullopt : std::optional(told_until_);
  }
  [[nodiscard]] bool is_past(const EngineEvent& event) const {
    return event.at && *event.at < began_;
  }
  Task<void> take(EngineEvent event) {
    const auto& facts = board_.seen.hosting.facts;
    if (facts) learn_hosted(*facts, hosted_);
    const bool ours = concerns(hosted_, event);
    if (is_past(event)) {
      if (ours && *event.at > told_until_) keep_past(event);
      co_return;
    }
    if (event.at) told_until_ = std::max(told_until_, *event.at);
    if (ours) keep(board_, event, Seconds(0));
    if (ours && event.action == "start") expect_start(board_, instance_);
    const auto now = board_.loop.now();
    if (!ours && now - looked_ < kLookAgain) co_return;
    looked_ = now;
    co_await look_at_hosting(&board_, &instance_);
    if (!ours) co_return;
    board_.changed.notify_all();
    board_.poked.notify_all();
  }

 private:
  void keep_past(const EngineEvent& event) {
    told_until_ = *event.at;
    keep(board_, event, std::chrono::duration_cast<Seconds>(wall_now() - *event.at));
    board_.changed.notify_all();
  }

  Board& board_;
  instance::Instance& instance_;
  WallTime told_until_;  ///< what happened by then is known
  WallTime began_;
  Hosted hosted_;
  SteadyTime looked_;
};

// Until it ends; how many events it told.
Task<int> listen(Board* board, Listener* listener, instance::EventStream* stream) {
  Flood flood;
  int told = 0;
  int past = 0;
  while (true) {
    auto event = co_await stream->next(board->loop.after(kSilence));
    if (!event && event.error().code == ErrorCode::TimedOut) continue;
    const bool replayed = event && listener->is_past(*event) && ++past <= kPastMax;
    if (!event || (!replayed && flood.comes(board->loop.now()))) {
      log_info("engine events ended", {{"why", event ? "too many of them" : event.error().detail}});
      co_return event ? 0 : told;
    }
    ++told;
    co_await listener->take(std::move(*event));
  }
}

}  // namespace

void learn_hosted(const instance::HostingFacts& facts, Hosted& hosted) {
  if (!facts.name.empty()) hosted.name = facts.name;
  if (!facts.exists || facts.container.id.empty()) return;
  hosted.id = facts.container.id;
  const auto* mount = instance::data_mount(facts.container);
  hosted.volume = mount != nullptr ? mount->name : std::string();
}

bool concerns(const Hosted& hosted, const EngineEvent& event) {
  if (event.type == "volume") return !hosted.volume.empty() && event.name == hosted.volume;
  return (!hosted.id.empty() && event.id == hosted.id) ||
         (!hosted.name.empty() && event.name == hosted.name);
}

Task<void> watch_engine(Board* board, instance::Instance* instance, WallTime since) {
  Listener listener(*board, *instance, since);
  std::size_t failures = 0;
  while (true) {
    co_await look_at_hosting(board, instance);  // what is ours, and what was missed meanwhile
    auto stream = co_await instance->events(listener.begin());
    int told = 0;
    if (stream) told = co_await listen(board, &listener, &*stream);
    failures = told > 0 ? 0 : failures + 1;
    const auto pause = kPausesS.at(std::min(failures, kPausesS.size() - 1));
    static_cast<void>(co_await board->loop.sleep_for(Seconds(pause)));
  }
}

}  // namespace pgkeel::sense
