// See keeper.hpp.
#include "shadow/gate/keeper.hpp"

#include <sys/eventfd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/log.hpp"
#include "runtime/files.hpp"

namespace pgkeel::shadow {
namespace {

constexpr Millis kReadFor{1'000};
constexpr Millis kAgainAfter{1'000};
constexpr Millis kLookEvery{200};  // while something is held
constexpr Millis kIdleEvery{5'000};
constexpr Millis kReportEvery{1'000};
constexpr Seconds kAnewAfter{30};
constexpr Seconds kKeptFor{30 * 24 * 3600};  // what ended
constexpr std::size_t kEntriesMax = 200;
constexpr std::size_t kJudgedAtOnce = 10;

// Where a gate goes on that has read nothing yet: what runs when it begins is told before.
Lsn begin_before(Lsn position, std::uint64_t segment_bytes) {
  const auto segment = position.value / segment_bytes;
  return Lsn((segment > 0 ? segment - 1 : 0) * segment_bytes);
}

Lsn start_of_segment(Lsn position, std::uint64_t segment_bytes) {
  return Lsn(position.value / segment_bytes * segment_bytes);
}

// False when told to stop meanwhile.
bool rest(const std::stop_token& stop, Millis limit) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, limit, [] { return false; });
  return !stop.stop_requested();
}

GateEntry* entry_of(GateStatus& status, Lsn decided) {
  const auto found = std::ranges::find(status.entries, decided, &GateEntry::decided);
  return found == status.entries.end() ? nullptr : &*found;
}

bool names(const std::vector<std::string>& back, const LostRelation& relation) {
  return std::ranges::find(back, relation.schema + "." + relation.name) != back.end();
}

std::map<Lsn, KeptHold> kept_of(const GateStatus& status) {
  std::map<Lsn, KeptHold> kept;
  for (const auto& entry : status.entries)
    if (entry.kept()) kept[entry.decided] = {entry.before, entry.kind};
  return kept;
}

GateEntry entry_for(const Hold& hold, Millis for_so_long) {
  GateEntry entry;
  entry.before = hold.before;
  entry.decided = hold.decided;
  entry.kind = hold.kind;
  entry.xid = hold.xid.value;
  entry.at = hold.at;
  entry.noticed = wall_now();
  entry.until = entry.noticed + for_so_long;
  return entry;
}

// What was kept of an earlier gate holds again when its WAL is read again. What the copy has gone
// by meanwhile never will.
GateStatus status_at_start(const GateOptions& options, const GatePosition& stands) {
  auto before = read_gate_status(options.file);
  GateStatus status;
  if (before && before->system_id == options.system_id) status = *std::move(before);
  status.system_id = options.system_id;
  for (auto& entry : status.entries)
    if (entry.kept() && entry.decided < stands.at) entry.end = HoldEnd::Passed;
  if (status.limit < stands.at || status.timeline < stands.timeline) {
    status.limit = stands.at;
    status.timeline = stands.timeline;
  }
  status.read = status.limit;
  return status;
}

}  // namespace

GateKeeper::GateKeeper(GateOptions options, GateStatus status)
    : options_(std::move(options)),
      reader_({options_.bounds, status.limit, status.released, kept_of(status)},
              options_.places.segment_bytes),
      timelines_{{status.timeline, status.limit}},
      status_(std::move(status)) {}

Result<std::unique_ptr<GateKeeper>> GateKeeper::start(GateOptions options,
                                                      const GatePosition& stands) {
  auto status = status_at_start(options, stands);
  std::unique_ptr<GateKeeper> keeper(new GateKeeper(std::move(options), std::move(status)));
  keeper->wake_ = runtime::Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!keeper->wake_.valid()) return fail_errno(errno, "make an event descriptor");
  TRY_VOID(keeper->open_relay());
  keeper->reading_ =
      std::jthread([self = keeper.get()](const std::stop_token& stop) { self->read_ahead(stop); });
  keeper->judging_ =
      std::jthread([self = keeper.get()](const std::stop_token& stop) { self->judge_all(stop); });
  return keeper;
}

GateKeeper::~GateKeeper() {
  reading_.request_stop();
  judging_.request_stop();
  if (wake_.valid()) ::eventfd_write(wake_.get(), 1);
  if (reading_.joinable()) reading_.join();
  if (judging_.joinable()) judging_.join();
  static_cast<void>(keep());  // only how far it was: what counts was written down before
}

Result<void> GateKeeper::open_relay() {
  RelayOptions options;
  options.directory = options_.directory;
  options.system_id = options_.system_id;
  options.places = options_.places;
  options.up_to = HeldWal{status_.timeline, status_.limit, options_.places.segment_bytes};
  TRY(relay, Relay::start(std::move(options)));
  relay_ = std::move(relay);
  return {};
}

GateStatus GateKeeper::status() const {
  const std::scoped_lock lock(mutex_);
  return status_;
}

Lsn GateKeeper::told() const {
  const std::scoped_lock lock(mutex_);
  return told_;
}

bool GateKeeper::holds() const {
  const std::scoped_lock lock(mutex_);
  return std::ranges::any_of(status_.entries, &GateEntry::kept);
}

SteadyTime GateKeeper::fed_at() const {
  const std::scoped_lock lock(mutex_);
  return fed_ ? SteadyClock::now() : fed_at_;
}

void GateKeeper::fed(bool now) {
  const std::scoped_lock lock(mutex_);
  if (fed_ && !now) fed_at_ = SteadyClock::now();
  fed_ = now;
}

void GateKeeper::read_ahead(const std::stop_token& stop) {
  try {
    do {
      heed_wake();  // else whatever waits ends at once
      publish();
      const auto ended = follow(stop);
      fed(false);
      const bool refused = !ended && ended.error().code != ErrorCode::Cancelled;
      if (refused && !took_wal_) refused_without_wal();
      if (ended || ended.error().code == ErrorCode::Cancelled) continue;
      const auto& why = ended.error().message();
      if (why != said_) log_info("the gate reads no WAL", {{"why", why}});
      said_ = why;
    } while (rest(stop, kAgainAfter));
  } catch (const std::exception& error) {  // out of memory; what is held stays held
    log_error("the gate has ended", {{"why", error.what()}});
  }
}

Result<void> GateKeeper::follow(const std::stop_token& stop) {
  took_wal_ = false;
  TRY(upstream, GateUpstream::open(options_.upstream, kGateName, wake_.get()));
  TRY_VOID(begin(upstream));
  while (!stop.stop_requested()) {
    const auto now = SteadyClock::now();
    const auto due = reader_.due(now);
    const auto wait =
        due ? std::clamp(std::chrono::ceil<Millis>(*due - now), Millis(1), kReadFor) : kReadFor;
    const auto piece = upstream.read(wait);
    if (piece) {
      TRY_VOID(take(*piece, upstream));
      note_progress();
    } else if (piece.error().code == ErrorCode::Cancelled) {
      heed_wake();
    } else if (piece.error().code != ErrorCode::TimedOut) {
      return fail(piece.error());
    }
    publish();
    if (now - reported_at_ < kReportEvery) continue;
    reported_at_ = now;
    TRY_VOID(upstream.report(reader_.position(), reader_.limit(now)));
  }
  return {};
}

// A little before the position, so that what runs there is known; where that WAL is gone, at it.
Result<void> GateKeeper::begin(GateUpstream& upstream) {
  const auto segment_bytes = options_.places.segment_bytes;
  const auto position = reader_.position();
  const auto known = reader_.goes_on_at();
  const auto first =
      warms_up_ ? begin_before(position, segment_bytes) : start_of_segment(position, segment_bytes);
  const auto from = known.value_or(first);
  TRY(left, upstream.start(timelines_.back().timeline, from));
  reader_.begin(from);
  return left ? take(GateUpstream::Piece(*left), upstream) : Result<void>();
}

Result<void> GateKeeper::take(const GateUpstream::Piece& piece, GateUpstream& upstream) {
  if (const auto* wal = std::get_if<archive::WalData>(&piece)) {
    took_wal_ = true;
    return reader_.look(wal->bytes, SteadyClock::now());
  }
  const auto* next = std::get_if<NextTimeline>(&piece);
  if (next == nullptr) return {};
  if (reader_.position() > next->at) forget_behind(next->at);
  else timelines_.push_back(*next);
  return begin(upstream);
}

// What was read of a timeline behind the place at which it was left never was. The rest of it is
// read again, from what the shadow has.
void GateKeeper::forget_behind(Lsn left_at) {
  GateStatus status;
  {
    const std::scoped_lock lock(mutex_);
    for (auto& entry : status_.entries)
      if (entry.kept() && entry.decided >= left_at) entry.end = HoldEnd::Passed;
    status_.released.erase(status_.released.lower_bound(left_at), status_.released.end());
    status_.limit = std::min(status_.limit, left_at);
    status = status_;
  }
  reader_ = GateReader({options_.bounds, status.limit, status.released, kept_of(status)},
                       options_.places.segment_bytes);
  timelines_ = {{timeline_at(status.limit), status.limit}};
  furthest_ = std::min(furthest_, left_at);
}

TimelineId GateKeeper::timeline_at(Lsn position) const {
  auto timeline = timelines_.front().timeline;
  for (const auto& one : timelines_)
    if (one.at <= position) timeline = one.timeline;
  return timeline;
}

void GateKeeper::publish() {
  const auto limit = reader_.limit(SteadyClock::now());
  auto holds = reader_.holds();
  const auto timeline = timeline_at(limit);
  relay_->received(timeline, limit);
  const std::scoped_lock lock(mutex_);
  status_.limit = limit;
  status_.timeline = timeline;
  status_.read = reader_.position();
  const auto position = [](const Hold& hold) { return std::pair(hold.decided, hold.before); };
  if (std::ranges::equal(holds, holds_, {}, position, position)) {
    if (changes_ == changes_kept_) told_ = status_.read;
    return;
  }
  ++changes_;
  for (const auto& hold : holds)
    if (entry_of(status_, hold.decided) == nullptr)
      status_.entries.push_back(entry_for(hold, options_.hold));
  holds_ = std::move(holds);
  news_ = true;
  changed_.notify_all();
}

// What was read may be of a timeline that was left before it, and the segment before the position
// may be gone: from what the shadow has, a little before it or not.
void GateKeeper::refused_without_wal() {
  warms_up_ = !warms_up_;
  if (!reader_.goes_on_at() || SteadyClock::now() - began_at_ < kAnewAfter) return;
  began_at_ = SteadyClock::now();
  GateStatus status;
  {
    const std::scoped_lock lock(mutex_);
    status = status_;
  }
  reader_ = GateReader({options_.bounds, status.limit, status.released, kept_of(status)},
                       options_.places.segment_bytes);
  timelines_ = {{status.timeline, status.limit}};
}

// What is read again is no sign that more comes.
void GateKeeper::note_progress() {
  if (reader_.position() < furthest_) return;
  furthest_ = reader_.position();
  said_.clear();
  fed(true);
}

void GateKeeper::heed_wake() {
  eventfd_t news = 0;
  ::eventfd_read(wake_.get(), &news);
  std::set<Lsn> releases;
  std::map<Lsn, Lsn> moves;
  {
    const std::scoped_lock lock(mutex_);
    releases.swap(to_release_);
    moves.swap(to_move_);
  }
  for (const auto decided : releases) reader_.release(decided);
  for (const auto& [decided, before] : moves) reader_.move(decided, before);
}

void GateKeeper::judge_all(const std::stop_token& stop) {
  try {
    while (!stop.stop_requested()) {
      look();
      std::unique_lock lock(mutex_);
      const auto pause = holds_.empty() ? kIdleEvery : kLookEvery;
      changed_.wait_for(lock, stop, pause, [this] { return news_; });
    }
  } catch (const std::exception& error) {  // out of memory; what is held stays held
    log_error("the gate judges no more", {{"why", error.what()}});
  }
}

// What is released is written down first, then acted on; where that fails it is tried again.
void GateKeeper::look() {
  {
    const std::scoped_lock lock(mutex_);
    news_ = false;
  }
  auto wishes = release_wishes(options_.releases);
  // Somebody reads the shadow: what is back is not what he reads, but what is only forgotten may
  // be.
  if (!wishes.empty() && options_.in_use && options_.in_use())
    std::erase_if(wishes, [](const ReleaseWish& wish) { return wish.back.empty(); });
  heed(wishes);
  const bool some_judged = judge_new_ones();
  const bool some_ended = end_those_over();
  bool moved = false;
  {
    const std::scoped_lock lock(mutex_);
    moved = status_.limit != kept_limit_ && SteadyClock::now() - kept_at_ >= kIdleEvery;
  }
  const bool changed =
      some_judged || some_ended || !wishes.empty() || !ended_.empty() || !moved_.empty();
  if (!changed && !moved) return;
  const auto kept = keep();
  if (!kept) {
    log_warning("the gate's holds are not kept", {{"why", kept.error().message()}});
    return;
  }
  std::error_code error;
  for (const auto& wish : wishes) std::filesystem::remove(wish.file, error);
  if (!ended_.empty() || !moved_.empty()) let_go();
}

void GateKeeper::let_go() {
  {
    const std::scoped_lock lock(mutex_);
    to_release_.merge(ended_);
    for (const auto& [decided, before] : moved_) to_move_[decided] = before;
  }
  ended_.clear();
  moved_.clear();
  ::eventfd_write(wake_.get(), 1);
}

// The first one until it is certain; what lies behind it once, for its name.
std::vector<Hold> GateKeeper::to_be_judged() {
  std::vector<Hold> open;
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = 0; i < holds_.size() && open.size() < kJudgedAtOnce; ++i) {
    const auto& hold = holds_[i];
    const auto* entry = entry_of(status_, hold.decided);
    if (entry == nullptr || !entry->kept()) continue;
    const bool certain = entry->destruction && !entry->provisional && hold.readable;
    if (!certain && (i == 0 || tried_.insert(hold.decided).second)) open.push_back(hold);
  }
  return open;
}

bool GateKeeper::judge_new_ones() {
  const auto open = to_be_judged();
  for (const auto& hold : open) judged(hold, judge(hold, options_.sides));
  return !open.empty();
}

// Where nothing can be asked yet the hold stays: what it keeps may be dear.
void GateKeeper::judged(const Hold& hold, const Result<Judgement>& judgement) {
  if (!judgement) {
    if (judgement.error().code != ErrorCode::WrongState)
      log_debug("a hold is not judged yet", {{"why", judgement.error().message()}});
    return;
  }
  const auto decided = hold.decided;
  const std::scoped_lock lock(mutex_);
  auto* entry = entry_of(status_, decided);
  if (entry == nullptr) return;
  if (judgement->verdict == Verdict::Passed) return end(*entry, HoldEnd::Passed);
  if (judgement->verdict == Verdict::Destroyed) return destroyed(*entry, hold, *judgement);
  if (hold.partial && entry->destruction) {  // the part that is known now was harmless
    entry->provisional = false;
    return;
  }
  std::erase_if(status_.entries, [&](const auto& one) { return one.decided == decided; });
  status_.released.insert(decided);
  ended_.insert(decided);
}

// Under the lock. What came back meanwhile stays back.
void GateKeeper::destroyed(GateEntry& entry, const Hold& hold, const Judgement& judgement) {
  if (hold.partial && hold.kind == HoldKind::Rows && entry.destruction) {
    entry.provisional = false;  // more was known then
    return;
  }
  const auto before = std::move(entry.destruction);
  entry.destruction = judgement.destruction;
  for (auto& relation : entry.destruction->relations) {
    const auto* known = before ? before->find(relation.schema, relation.name) : nullptr;
    relation.back = known != nullptr && known->back;
  }
  entry.provisional = judgement.provisional;
  entry.exact = judgement.exact && !judgement.provisional;
  if (!before)
    log_warning("the shadow is kept from a destruction", {{"what", entry.destruction->describe()},
                                                          {"before", to_string(entry.before)},
                                                          {"until", to_iso8601(entry.until)}});
  if (!hold.readable) return end(entry, HoldEnd::Locked);
  if (judgement.provisional) return;
  if (entry.destruction->all_back()) return end(entry, HoldEnd::Released);
  if (hold.partial || !judgement.before.valid() || judgement.before <= entry.before) return;
  entry.before = judgement.before;
  moved_[entry.decided] = judgement.before;
}

// Under the lock.
void GateKeeper::end(GateEntry& entry, HoldEnd why) {
  entry.end = why;
  status_.released.insert(entry.decided);
  ended_.insert(entry.decided);
  log_info("the shadow goes on",
           {{"behind", entry.destruction ? entry.destruction->describe() : ""},
            {"why", to_string(why)}});
}

// What is back is known of what ended too: it is not told as lost any more.
void GateKeeper::heed(const std::vector<ReleaseWish>& wishes) {
  const std::scoped_lock lock(mutex_);
  for (const auto& wish : wishes) {
    auto* entry = entry_of(status_, wish.decided);
    if (entry == nullptr) continue;
    if (entry->destruction)
      for (auto& relation : entry->destruction->relations)
        relation.back = relation.back || names(wish.back, relation);
    const bool whole =
        entry->destruction && entry->destruction->whole &&
        std::ranges::find(wish.back, entry->destruction->database) != wish.back.end();
    const bool all = entry->destruction && !entry->provisional && entry->destruction->all_back();
    if (!wish.back.empty() && !all && !whole) continue;
    if (entry->kept()) end(*entry, HoldEnd::Released);
    else entry->end = HoldEnd::Released;
  }
}

std::optional<HoldEnd> GateKeeper::over(const GateEntry& entry) const {
  const bool expired = wall_now() >= entry.until;
  const bool crowded =
      status_.read.value - std::min(status_.read, entry.before).value > options_.held_bytes_max;
  if ((!expired && !crowded) || (options_.in_use && options_.in_use())) return std::nullopt;
  return expired ? HoldEnd::Expired : HoldEnd::Crowded;
}

bool GateKeeper::end_those_over() {
  bool some = false;
  const std::scoped_lock lock(mutex_);
  for (auto& entry : status_.entries) {
    if (!entry.kept()) continue;
    const auto why = over(entry);
    if (!why) continue;
    end(entry, *why);
    some = true;
  }
  forget_old_ones();
  return some;
}

// Under the lock. What may be read again has to be known as released.
void GateKeeper::forget_old_ones() {
  const auto now = wall_now();
  const auto before = begin_before(status_.limit, options_.places.segment_bytes);
  status_.released.erase(status_.released.begin(), status_.released.lower_bound(before));
  std::erase_if(status_.entries, [&](const GateEntry& entry) {
    return !entry.kept() && now - entry.noticed > kKeptFor;
  });
  while (status_.entries.size() > kEntriesMax && !status_.entries.front().kept())
    status_.entries.erase(status_.entries.begin());
}

Result<void> GateKeeper::keep() {
  GateStatus status;
  std::uint64_t changes = 0;
  {
    const std::scoped_lock lock(mutex_);
    status_.written_at = wall_now();
    kept_at_ = SteadyClock::now();
    kept_limit_ = status_.limit;
    status = status_;
    changes = changes_;
  }
  TRY_VOID(runtime::write_file_atomic(options_.file, to_json(status)));
  const std::scoped_lock lock(mutex_);
  changes_kept_ = changes;
  told_ = std::max(told_, status.read);
  return {};
}

}  // namespace pgkeel::shadow
