// See shelf.hpp.
#include "shadow/relay/shelf.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <tuple>

#include <fmt/format.h>

#include "archive/receive/spool_listing.hpp"
#include "pg/wal_name.hpp"
#include "runtime/files.hpp"

namespace pgkeel::shadow {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kHistoryBytesMax = 1U << 20U;

runtime::Fd open_file(const fs::path& path) {
  return runtime::Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
}

}  // namespace

Result<void> Shelf::open_store() {
  TRY(store, archive::open_store(places_.store));
  store_ = std::move(store);
  source_.emplace(*store_, places_.keys, places_.incoming, places_.segment_bytes);
  return {};
}

Result<std::unique_ptr<Shelf>> Shelf::open(ShelfPlaces places) {
  std::unique_ptr<Shelf> shelf(new Shelf(std::move(places)));
  TRY_VOID(shelf->open_store());
  auto& at = shelf->places_;
  TRY(held, find_held_wal(
                {at.incoming, shelf->store_.get(), &*shelf->source_, at.cache, at.segment_bytes}));
  shelf->held_ = held;
  return shelf;
}

Result<std::unique_ptr<Shelf>> Shelf::open_up_to(ShelfPlaces places, const HeldWal& held) {
  std::unique_ptr<Shelf> shelf(new Shelf(std::move(places)));
  TRY_VOID(shelf->open_store());
  shelf->held_ = held;
  return shelf;
}

// A segment is received again from its start after a pause: what is there stays there.
void Shelf::received(TimelineId timeline, Lsn end) {
  const std::scoped_lock lock(mutex_);
  if (held_ && std::tie(held_->timeline, held_->end) >= std::tie(timeline, end)) return;
  held_ = HeldWal{timeline, end, places_.segment_bytes};
}

std::optional<HeldWal> Shelf::held() const {
  const std::scoped_lock lock(mutex_);
  return held_;
}

Result<std::string> Shelf::history(TimelineId timeline) {
  const auto name = pg::history_name(timeline);
  const auto file = places_.cache / name;
  TRY(fetched, source_->fetch(name, file));
  if (fetched == archive::Fetched::NotThere)
    return fail(ErrorCode::NotFound, fmt::format("the archive has no {}", name));
  auto text = runtime::read_file(file, kHistoryBytesMax);
  ::unlink(file.c_str());
  return text;
}

Result<std::optional<LeftTimeline>> Shelf::left(TimelineId timeline) {
  const auto now = held();
  if (!now || now->timeline == timeline) return std::nullopt;
  TRY(text, history(now->timeline));
  TRY(changes, pg::parse_history(text));
  const auto change = std::ranges::find(changes, timeline, &pg::TimelineSwitch::parent);
  if (change == changes.end())
    return fail(ErrorCode::NotFound,
                fmt::format("timeline {} does not lead to timeline {}, which the archive has",
                            timeline.value, now->timeline.value));
  const auto next = change + 1;
  return LeftTimeline{change->switch_at, next == changes.end() ? now->timeline : next->parent};
}

// Gone from the directory at once: the descriptor is all that is needed. A gap before later WAL is
// no more and no less than WAL that is not there.
Result<runtime::Fd> Shelf::fetch(const std::string& name) {
  const auto file = places_.cache / name;
  const auto fetched = source_->fetch(name, file);
  if (!fetched && fetched.error().code != ErrorCode::WrongState) return fail(fetched.error());
  if (!fetched || *fetched == archive::Fetched::NotThere)
    return fail(ErrorCode::NotFound, fmt::format("the archive does not have {}", name));
  auto fd = open_file(file);
  if (!fd.valid()) return fail_errno(errno, "open " + file.string());
  ::unlink(file.c_str());
  return fd;
}

// In the order in which a segment moves on, so that it is never missed in between.
Result<void> Shelf::turn_to(OpenSegment& open, const pg::WalSegment& segment) {
  if (open.segment == segment) return {};
  open.segment.reset();
  const auto name = pg::segment_name(segment, places_.segment_bytes);
  for (const auto* suffix : {archive::kPartialSuffix, ""}) {
    open.file = open_file(places_.incoming / (name + suffix));
    if (open.file.valid()) break;
  }
  if (!open.file.valid()) {
    TRY(fetched, fetch(name));
    open.file = std::move(fetched);
  }
  open.segment = segment;
  return {};
}

Result<void> Shelf::read(OpenSegment& open, const WalPiece& piece, std::vector<std::byte>& bytes) {
  const auto segment = pg::segment_of(piece.timeline, piece.from, places_.segment_bytes);
  TRY_VOID(turn_to(open, segment));
  const auto in_segment = segment.end(places_.segment_bytes).value - piece.from.value;
  bytes.resize(std::min<std::size_t>(piece.bytes, in_segment));
  const auto offset = piece.from.value - segment.start(places_.segment_bytes).value;
  for (std::size_t got = 0; got < bytes.size();) {
    const auto count = ::pread(open.file.get(), bytes.data() + got, bytes.size() - got,
                               static_cast<off_t>(offset + got));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, "read WAL");
    if (count == 0)
      return fail(ErrorCode::NotFound,
                  fmt::format("{} ends before {}", pg::segment_name(segment, places_.segment_bytes),
                              to_string(Lsn(piece.from.value + bytes.size()))));
    got += static_cast<std::size_t>(count);
  }
  return {};
}

}  // namespace pgkeel::shadow
