// The disk of pg_wal is full: the server panics, begins anew by itself or not at all, and every
// start ends the same way. It is named only while there is no room: the guard tries one start, then
// stops starting it and, once somebody has made room, sees a killed server and starts it. Where the
// log is on the same disk it could not say so: then a disk with nothing left at all says enough.
// Nothing in pg_wal may ever be deleted.
#include <algorithm>

#include <fmt/format.h>

#include "diagnose/case.hpp"
#include "diagnose/trouble.hpp"

namespace pgkeel::diagnose {
namespace {

constexpr Seconds kPanickedNow{60};
constexpr std::uint64_t kNothing = 1ULL << 20U;

constexpr std::uint64_t kSegment = 16ULL << 20U;      // written whole, and gone when that failed
constexpr std::uint64_t kTwoSegments = 32ULL << 20U;  // a recovery ends with writing

// Where WAL is written: a disk of its own, else that of the data.
const sense::Space* wal_space(const Case& the_case) {
  const auto& spaces = the_case.seen.host.spaces;
  for (const auto role : {sense::SpaceRole::Wal, sense::SpaceRole::Data}) {
    const auto found = std::ranges::find(spaces, role, &sense::Space::role);
    if (found != spaces.end() && found->known() && found->room.bytes_total > 0) return &*found;
  }
  return nullptr;
}

bool has_no_room(const sense::Space& space) {
  return space.room.bytes_free < kTwoSegments || space.out_of_inodes();
}

bool has_nothing(const sense::Space& space) {
  return space.room.bytes_free < kNothing || space.out_of_inodes();
}

bool failed_without_a_word(const Case& the_case, const sense::Space& space) {
  return server_absent(the_case) && the_case.seen.start.failed &&
         told_reason(the_case) == nullptr && space.room.bytes_free < kSegment;
}

Finding name(const Case& the_case, const sense::Space& space,
             std::optional<incident::Evidence> told) {
  Finding finding;
  finding.cause = Cause::WalDiskFull;
  finding.confidence = told ? 0.97 : 0.75;
  finding.summary = fmt::format("The disk of the WAL is full: {} are free at {}.",
                                format_size(space.room.bytes_free), space.path.string());
  if (told) finding.evidence.push_back(*std::move(told));
  finding.evidence.push_back(evidence(
      the_case, "host",
      fmt::format("{}: {} of {} free", space.path.string(), format_size(space.room.bytes_free),
                  format_size(space.room.bytes_total))));
  finding.hint = fmt::format(
      "make at least {} of room at {} without touching pg_wal: a server that has ended is then "
      "started; what keeps the WAL is a replication slot, a failing archive_command or a burst of "
      "writes",
      format_size(kTwoSegments), space.path.string());
  return finding;
}

// What its log told, of a server that is gone or of one that begins anew by itself.
std::optional<incident::Evidence> told_by_log(const Case& the_case) {
  if (server_absent(the_case)) {
    const auto* line = logged(the_case, pg::Signature::WalDiskFull);
    if (line == nullptr) return std::nullopt;
    return evidence(the_case, "server_log", line->text);
  }
  const auto told = told_within(the_case, kPanickedNow, {pg::Signature::WalDiskFull});
  if (told.empty()) return std::nullopt;
  return log_evidence(the_case, *told.back());
}

}  // namespace

std::vector<Finding> wal_disk_full(const Case& the_case) {
  const auto* space = wal_space(the_case);
  if (space == nullptr || !has_no_room(*space)) return {};
  const bool absent = server_absent(the_case);
  if (absent && (!data_is_ours(the_case) || stopped_cleanly(the_case))) return {};
  auto told = told_by_log(the_case);
  const bool serves = the_case.seen.healthy();
  const bool guessed = has_nothing(*space) || failed_without_a_word(the_case, *space);
  if (!told && (serves || !guessed)) return {};
  auto finding = name(the_case, *space, std::move(told));
  finding.wait = !absent;
  if (absent) finding.since = the_case.seen.process.died_at;
  if (serves) finding.subject = "disk.wal";
  return {finding};
}

}  // namespace pgkeel::diagnose
