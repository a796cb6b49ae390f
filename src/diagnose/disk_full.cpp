// A disk the server writes to has no room left: its data, a tablespace, or, where WAL is on the
// same disk, everything. Named when the server has failed for it (its log, a write that was
// refused) and the disk is full, or which disk it is cannot be seen; never because of a low figure
// alone. Held while the disk stays full; where it is the WAL's as well, and that is named, folded
// under it. A server that died of it is started once, and then not
// again until there is room.
#include <algorithm>

#include <fmt/format.h>

#include "diagnose/case.hpp"
#include "diagnose/trouble.hpp"

namespace pgkeel::diagnose {
namespace {

constexpr std::string_view kNoSpace = "53100";
constexpr Seconds kFailedNow{15};
constexpr Seconds kFailedLately{3600};            // then it holds only as long as the disk is full
constexpr std::uint64_t kNothing = 16ULL << 20U;  // a WAL segment; of a small disk, its fiftieth
constexpr std::uint64_t kNothingShare = 50;

// A file system that counts no blocks (some of FUSE's) says nothing.
bool is_full(const sense::Space& space) {
  if (!space.known() || space.role == sense::SpaceRole::SharedMemory) return false;
  if (space.room.bytes_total == 0) return false;
  return space.out_of_inodes() ||
         space.room.bytes_free < std::min(kNothing, space.room.bytes_total / kNothingShare);
}

// The data before a tablespace: it concerns everything.
const sense::Space* full_space(const Case& the_case) {
  const sense::Space* full = nullptr;
  for (const auto& space : the_case.seen.host.spaces)
    if (is_full(space) && (full == nullptr || space.role < full->role)) full = &space;
  return full;
}

// A failure that is over the moment there is room again needs nobody; a quota is doctor's to tell.
bool all_seen(const Case& the_case) {
  const auto& host = the_case.seen.host;
  const auto known = [](const sense::Space& space) { return space.known(); };
  return host.seen && !host.spaces.empty() && std::ranges::all_of(host.spaces, known);
}

std::string name_of(const sense::Space& space) {
  const auto role = std::string(sense::to_string(space.role));
  return space.name.empty() ? role : role + "." + space.name;
}

bool write_refused(const Case& the_case) {
  const auto& write = the_case.seen.write;
  return !write.ok() && write.result != sense::ProbeResult::NotYet && write.sqlstate == kNoSpace;
}

void describe(const Case& the_case, const sense::Space* full, Finding& finding) {
  if (full == nullptr) {
    finding.confidence = 0.6;
    finding.summary = "The server could not write: no space left on a device.";
    finding.hint =
        "which disk it is cannot be seen from here: look at those of the data, of every tablespace "
        "and of pg_wal ('df -h', 'df -i')";
    return;
  }
  finding.confidence = 0.98;
  const auto what = full->out_of_inodes() ? "has no inode left"
                                          : format_size(full->room.bytes_free) + " are free";
  finding.summary = fmt::format("The disk at {} ({}) is full: {}{}.", full->path.string(),
                                name_of(*full), full->out_of_inodes() ? "it " : "", what);
  finding.evidence.push_back(
      evidence(the_case, "host",
               fmt::format("{}: {} of {} free, {} of {} inodes", full->path.string(),
                           format_size(full->room.bytes_free), format_size(full->room.bytes_total),
                           full->room.inodes_free, full->room.inodes_total)));
  finding.hint = fmt::format(
      "make room on it ('du -xh --max-depth=2 {} | sort -h'), old logs and dumps first; never "
      "delete from the data directory or pg_wal, never VACUUM FULL on a full disk",
      full->path.string());
}

// What the log of a server that is gone told before it went. A tablespace that is full ends no
// server.
bool died_of_it(const Case& the_case, const sense::Space* full) {
  return full != nullptr && full->role != sense::SpaceRole::Tablespace && server_absent(the_case) &&
         data_is_ours(the_case) && !stopped_cleanly(the_case) &&
         logged(the_case, pg::Signature::DiskFull) != nullptr;
}

// Of the disk that holds the WAL, that one says what it means.
bool is_told_of_wal(const Case& the_case, const sense::Space* full) {
  return full != nullptr && full->role != sense::SpaceRole::Tablespace &&
         !wal_disk_full(the_case).empty();
}

}  // namespace

std::vector<Finding> disk_full(const Case& the_case) {
  const auto* full = full_space(the_case);
  const auto now = told_within(the_case, kFailedNow, {pg::Signature::DiskFull});
  const auto lately = told_within(the_case, kFailedLately, {pg::Signature::DiskFull});
  const bool died = died_of_it(the_case, full);
  const bool refused = write_refused(the_case) && !server_absent(the_case);
  const bool failing = full != nullptr ? !lately.empty() : !now.empty() && !all_seen(the_case);
  if (!died && !refused && !failing) return {};
  if (is_told_of_wal(the_case, full)) return {};
  Finding finding;
  finding.cause = Cause::DiskFull;
  finding.wait = !died;
  if (!died && !refused)
    finding.subject = full == nullptr ? std::string("disk") : "disk." + name_of(*full);
  describe(the_case, full, finding);
  if (!lately.empty()) finding.evidence.push_back(log_evidence(the_case, *lately.back()));
  if (died)
    finding.evidence.push_back(
        evidence(the_case, "server_log", logged(the_case, pg::Signature::DiskFull)->text));
  if (refused) finding.evidence.push_back(evidence(the_case, "write", the_case.seen.write.note));
  return {finding};
}

}  // namespace pgkeel::diagnose
