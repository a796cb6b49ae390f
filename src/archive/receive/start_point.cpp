// See start_point.hpp.
#include "archive/receive/start_point.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pgkeel::archive {
namespace {

constexpr const char* kOtherHistoryHint =
    "The server was restored, cloned or promoted from before what the archive has. If it is the "
    "one to keep, give it an archive of its own (archive.store) or bring back the newer server.";

std::unexpected<Error> refuse(const ServerHistory& server, const StreamStart& archived,
                              std::string_view why) {
  return fail(
      Error(ErrorCode::WrongIdentity,
            fmt::format("the archive goes on at {} of timeline {}, and the server (timeline "
                        "{}, at {}) {}; nothing of it is archived",
                        to_string(archived.lsn), archived.timeline.value, server.timeline.value,
                        to_string(server.flushed), why))
          .with_hint(kOtherHistoryHint));
}

using Change = std::vector<pg::TimelineSwitch>::const_iterator;

// The beginning of the timeline that `change` led to.
StreamStart behind(const ServerHistory& server, Change change) {
  const auto next = change + 1;
  return {next == server.history.end() ? server.timeline : next->parent,
          segment_start(change->switch_at, server.segment_bytes)};
}

// Restored to a moment from before the archive's own timeline began: it has a timeline that nobody
// had before, since a server takes a number above every one it finds in the archive. An older
// server, brought up again, has none.
Result<StreamStart> start_of_new_branch(const ServerHistory& server, const StreamStart& archived) {
  for (auto change = server.history.begin(); change != server.history.end(); ++change) {
    const auto start = behind(server, change);
    if (start.timeline > archived.timeline) return start;
  }
  return refuse(server, archived, "does not come from there");
}

}  // namespace

Lsn segment_start(Lsn lsn, std::uint64_t segment_bytes) {
  return Lsn(lsn.value - lsn.value % segment_bytes);
}

StreamStart earliest_start(const ServerHistory& server) {
  const auto held = server.slot_restart.value_or(server.flushed);
  auto timeline = server.timeline;
  // A slot may hold WAL from before the switch; the oldest switch behind it names its timeline.
  for (const auto& change : server.history) {
    if (held >= change.switch_at) continue;
    timeline = change.parent;
    break;
  }
  return {timeline, segment_start(held, server.segment_bytes)};
}

Result<StreamStart> decide_start(const ServerHistory& server,
                                 const std::optional<StreamStart>& archived) {
  if (!archived) return earliest_start(server);
  if (archived->timeline == server.timeline) {
    if (archived->lsn <= server.flushed) return *archived;
    return refuse(server, *archived, "is behind that");
  }
  const auto& history = server.history;
  const auto left = std::ranges::find(history, archived->timeline, &pg::TimelineSwitch::parent);
  if (left == history.end()) return start_of_new_branch(server, *archived);
  if (archived->lsn <= left->switch_at) return *archived;
  // The archive has more of the old timeline than the server took over: it goes on where they part.
  return behind(server, left);
}

}  // namespace pgkeel::archive
