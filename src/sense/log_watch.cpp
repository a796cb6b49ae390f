// See log_watch.hpp.
#include "sense/log_watch.hpp"

#include <algorithm>
#include <iterator>

#include "base/log.hpp"
#include "pg/log_signature.hpp"
#include "runtime/files.hpp"
#include "sense/asked_for.hpp"
#include "sense/damaged.hpp"
#include "sense/files_look.hpp"
#include "sense/server_log.hpp"

namespace pgkeel::sense {
namespace {

namespace fs = std::filesystem;

// Often enough that what is told is named within a second; a look at a quiet log is one stat.
constexpr Millis kLookEvery{500};
constexpr Millis kLineEnds{100};  // the server writes an event's lines at once
// While something is gone, who asks for it is heard at once.
constexpr Millis kLookEveryWhileMissed{50};
// A log that grows faster is read on at the next look; what is further behind is passed over.
constexpr std::size_t kReadBytesMax = 1U << 20U;
constexpr std::uint64_t kBehindBytesMax = 64U << 20U;
constexpr Seconds kReadBack{24 * 3600};

std::uint64_t size_of(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : size;
}

void note_canceled(Board& board, std::ptrdiff_t count) {
  if (count <= 0) return;
  auto& facts = board.seen.log_watch;
  facts.sync_waits_canceled += static_cast<std::uint64_t>(count);
  facts.last_canceled_at = board.loop.now();
  log_warning("waits for a synchronous standby were cancelled: commits acknowledged unprotected",
              {{"count", count}, {"total", facts.sync_waits_canceled}});
  board.changed.notify_all();
}

// What a rule may name later; the rest of the log is the server's narrative and its users' errors.
bool is_trouble(pg::Signature signature) {
  using enum pg::Signature;
  switch (signature) {
    case WalDiskFull:
    case SharedMemoryFull:
    case DiskFull:
    case InputOutputError:
    case FsyncFailed:
    case PageCorrupt:
    case IndexCorrupt:
    case ToastMissing:
    case TransactionStatusMissing:
    case RelationFileMissing:
    case ConnectionLimit:
    case TooManyWalSenders:
    case DatabaseFilesMissing: return true;
    default: return false;
  }
}

// As a server says it whose data directory was moved away under it.
bool tells_of_missing_files(const LogEvent& event) {
  using enum pg::Signature;
  return event.signature == RelationFileMissing || event.signature == DatabaseFilesMissing ||
         event.signature == TransactionStatusMissing;
}

}  // namespace

bool is_mended(const Board& board, const LogEvent& event) {
  const auto answered = [&](const std::string& object) {
    const auto found = board.mended.find(object);
    return found != board.mended.end() && (!event.at || *event.at <= found->second);
  };
  return answered(event.database + ": " + damaged_object(event)) ||
         (tells_of_missing_files(event) && answered(kMissedFiles));
}

namespace {

// One kind may not push the others out; of one damaged thing, or of the same words, the newest is
// enough.
void note_trouble(Board& board, LogEvent event, SteadyTime at) {
  if (event.at && is_mended(board, event)) return;
  auto& trouble = board.seen.log_watch.trouble;
  const auto object = damaged_object(event);
  const auto alike = [&](const LogWatchFacts::Seen& seen) {
    if (seen.event.signature != event.signature) return false;
    return object.empty() ? seen.event.text == event.text : damaged_object(seen.event) == object;
  };
  std::erase_if(trouble, alike);
  const auto same = [&](const LogWatchFacts::Seen& seen) {
    return seen.event.signature == event.signature;
  };
  const auto oldest = std::ranges::find_if(trouble, same);
  if (std::ranges::count_if(trouble, same) >= kTroubleOfAKindKept) trouble.erase(oldest);
  trouble.push_back({at, std::move(event)});
  board.changed.notify_all();
  board.poked.notify_all();  // the disks are looked at as they are now
}

void note_ddl(Board& board, pg::DdlLine line) {
  auto& ddl = board.seen.log_watch.ddl;
  if (ddl.size() >= kDdlSeenKept) ddl.erase(ddl.begin());
  ddl.push_back(line);
  if (board.ddl_unkept.size() >= kDdlUnkeptMax) board.ddl_unkept.pop_front();
  board.ddl_unkept.push_back(std::move(line));
  board.changed.notify_all();
}

void note_asked(Board& board, const pg::LogLine& line, SteadyTime at) {
  auto asked = asked_for(line, at);
  if (!asked) return;
  note_asked_for(board.seen.log_watch.asked, std::move(*asked));
  board.changed.notify_all();
}

void note_lines(Board& board, const std::vector<pg::LogLine>& lines) {
  std::ptrdiff_t canceled = 0;
  for (const auto& line : lines) {
    if (auto told = ddl_of(line)) {
      note_ddl(board, std::move(*told));
      continue;
    }
    const auto signature = pg::classify(line);
    if (!signature) continue;
    if (*signature == pg::Signature::SyncWaitCanceled) ++canceled;
    note_asked(board, line, board.loop.now());
    if (is_trouble(*signature)) note_trouble(board, to_event(*signature, line), board.loop.now());
  }
  note_canceled(board, canceled);
}

// What was told before this guard began, as old as its own time says: damage does not heal while a
// guard is away. Lines without a time are left out.
void read_back(Board& board, const fs::path& path) {
  const auto tail = path.empty() ? Result<std::string>(std::string())
                                 : runtime::read_file_tail(path, kReadBytesMax);
  const auto wall = wall_now();
  const auto now = board.loop.now();
  for (const auto& line : pg::parse_log(format_of(path), tail.value_or(""))) {
    if (auto told = ddl_of(line); told && told->at <= wall && wall - told->at < kReadBack) {
      note_ddl(board, std::move(*told));
      continue;
    }
    const auto signature = pg::classify(line);
    if (!signature || !is_trouble(*signature) || !line.at || *line.at > wall) continue;
    const auto age = std::chrono::duration_cast<Millis>(wall - *line.at);
    if (age < kReadBack) note_trouble(board, to_event(*signature, line), now - age);
  }
  board.seen.log_watch.seen = true;
  board.changed.notify_all();
}

}  // namespace

// A line without a time, or with one in a zone that is only named, is taken for new.
std::vector<pg::LogLine> LogFollower::read(const fs::path& path) {
  auto lines = read_any(path);
  std::erase_if(lines, [this](const pg::LogLine& line) { return line.at && *line.at < began_; });
  return lines;
}

std::vector<pg::LogLine> LogFollower::read_any(const fs::path& path) {
  if (path.empty()) return {};
  if (path == path_) return read_on();
  std::vector<pg::LogLine> lines;
  if (!path_.empty()) lines = read_on();  // the end of the old one
  if (reader_) std::ranges::move(reader_->finish(), std::back_inserter(lines));
  offset_ = path_.empty() ? size_of(path) : 0;
  path_ = path;
  reader_.emplace(format_of(path));
  std::ranges::move(read_on(), std::back_inserter(lines));
  return lines;
}

std::vector<pg::LogLine> LogFollower::read_on() {
  const auto size = size_of(path_);
  if (size < offset_) offset_ = 0;
  if (size - offset_ > kBehindBytesMax) offset_ = size - kReadBytesMax;
  const auto bytes = runtime::read_file_from(path_, offset_, kReadBytesMax);
  holds_a_line_ = bytes && !bytes->empty();
  if (!bytes || bytes->empty()) return reader_->finish();  // quiet: nothing follows the last one
  offset_ += bytes->size();
  return reader_->feed(*bytes);
}

namespace {

bool misses_something(const Board& board) {
  return std::ranges::any_of(board.seen.catalog.listings,
                             [](const auto& listing) { return !listing.second.gone.empty(); });
}

// A server in a container may log to its engine alone, which is asked for the end of the log only
// while something is missed. What has no time may be of any.
runtime::Task<void> hear_engine_log(Board* board, instance::Instance* instance, WallTime began) {
  const auto log = co_await instance->recent_log();
  const auto wall = wall_now();
  const auto now = board->loop.now();
  for (const auto& line : pg::parse_log(pg::ServerLogFormat::Stderr, log.value_or("")))
    if (line.at && *line.at >= began && *line.at <= wall)
      note_asked(*board, line, now - std::chrono::duration_cast<Millis>(wall - *line.at));
}

Millis until_engine_is_asked(const Board& board) {
  constexpr Millis kWhileFresh{1'000};
  constexpr Millis kLater{10'000};
  return board.loop.now() < board.missed_until ? kWhileFresh : kLater;
}

}  // namespace

// Where the server logs is known once its catalog was looked at.
runtime::Task<void> watch_server_log(Board* board, instance::Instance* instance) {
  const auto began = wall_now();
  LogFollower follower(began);
  while (!board->seen.catalog.seen || !board->seen.reach.sees_files)
    static_cast<void>(co_await board->changed.wait_until(board->loop.in_step(kLookEvery)));
  read_back(*board, log_of(*board, *instance));
  bool soon = false;
  SteadyTime engine_asked;
  while (true) {
    const auto log = board->seen.reach.sees_files ? log_of(*board, *instance) : fs::path();
    note_lines(*board, follower.read(log));
    const bool due = board->loop.now() - engine_asked >= until_engine_is_asked(*board);
    if (log.empty() && due && misses_something(*board)) {
      engine_asked = board->loop.now();
      co_await hear_engine_log(board, instance, began);
    }
    soon = !soon && follower.holds_a_line();  // once, however busy the log
    const auto rest = board->loop.now() < board->missed_until ? kLookEveryWhileMissed : kLookEvery;
    static_cast<void>(co_await board->loop.sleep_in_step(soon ? std::min(kLineEnds, rest) : rest));
  }
}

}  // namespace pgkeel::sense
