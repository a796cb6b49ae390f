// A replication slot that nobody reads keeps WAL until the disk is full, or has lost what its
// reader would need. Not pgkeel's own slot while it keeps an archive: of that its keeper takes
// care.
#include <algorithm>

#include <fmt/format.h>

#include "diagnose/case.hpp"
#include "pg/sql_text.hpp"

namespace pgkeel::diagnose {
namespace {

using sense::ReplicationSlot;

// A reader that is away for an hour is no news on a disk with room for it.
constexpr std::int64_t kRetainedMin = std::int64_t{1} << 30U;
constexpr double kFreeShare = 0.25;
constexpr double kHeld = 0.8;  // of the limit, once named
constexpr std::string_view kOwnPrefix = "pgkeel_";

bool is_lost(const ReplicationSlot& slot) { return slot.wal_status == "lost"; }

// Room on the disk WAL is on, where it can be seen.
std::optional<std::uint64_t> wal_disk_free(const Case& the_case) {
  const sense::Space* found = nullptr;
  for (const auto& space : the_case.seen.host.spaces) {
    const bool holds_wal =
        space.role == sense::SpaceRole::Wal || space.role == sense::SpaceRole::Data;
    if (!holds_wal || !space.known()) continue;
    if (found == nullptr || space.role == sense::SpaceRole::Wal) found = &space;
  }
  return found == nullptr ? std::nullopt : std::optional(found->room.bytes_free);
}

// A reader that comes back at once is not gone, however far behind; the server's own account, where
// it has one, also tells of the time before the first look. A lost slot is of no use to any reader.
bool is_idle(const Case& the_case, const ReplicationSlot& slot) {
  if (slot.active || slot.synced || slot.idle_looks < the_case.known.confirm) return false;
  const auto lasting = the_case.known.lasting;
  return is_lost(slot) || slot.inactive_for >= lasting || the_case.now - slot.idle_since >= lasting;
}

// What may be kept for one slot before it is a finding.
double limit(const Case& the_case, const std::string& subject) {
  const auto free = wal_disk_free(the_case);
  auto bytes = static_cast<double>(kRetainedMin);
  if (free) bytes = std::max(bytes, kFreeShare * static_cast<double>(*free));
  return the_case.known.open_subjects.contains(subject) ? kHeld * bytes : bytes;
}

// For how long, by the server's own account or by ours.
std::string unused_words(const Case& the_case, const ReplicationSlot& slot) {
  const auto seen = std::chrono::duration_cast<Seconds>(the_case.now - slot.idle_since);
  const auto lasted = std::max(slot.inactive_for, seen);
  return lasted > Seconds(0) ? " for " + humane_duration(lasted) : std::string();
}

bool is_own(const ReplicationSlot& slot) { return slot.name.starts_with(kOwnPrefix); }

std::string words(const Case& the_case, const ReplicationSlot& slot) {
  const auto* kind = slot.logical ? "logical" : "physical";
  if (is_lost(slot))
    return fmt::format(
        "Replication slot {} ({}) has lost WAL its reader needs: it is of no use "
        "any more",
        slot.name, kind);
  auto text = fmt::format("Replication slot {} ({}) is not in use{} and keeps {} of WAL", slot.name,
                          kind, unused_words(the_case, slot),
                          format_size(static_cast<std::uint64_t>(slot.retained_bytes)));
  if (slot.wal_status == "unreserved") text += ", more than the server will keep for it";
  if (const auto free = wal_disk_free(the_case))
    text += fmt::format("; {} are free on its disk", format_size(*free));
  return text;
}

std::string cost(const ReplicationSlot& slot) {
  return slot.logical ? "its subscriber must then be set up and filled anew"
                      : "a standby that needs it must then fetch WAL from an archive, or be made "
                        "anew";
}

Finding of(const Case& the_case, const ReplicationSlot& slot, std::string subject) {
  Finding finding;
  finding.cause = Cause::SlotAbandoned;
  finding.subject = std::move(subject);
  finding.confidence = 0.9;
  finding.wait = !is_own(slot);
  finding.summary = words(the_case, slot) + ".";
  finding.evidence.push_back(
      evidence(the_case, "slots",
               fmt::format("{}: inactive at {} looks in a row, wal_status {}, {} retained",
                           slot.name, slot.idle_looks, slot.wal_status,
                           format_size(static_cast<std::uint64_t>(slot.retained_bytes)))));
  const auto name = pg::quote_literal(slot.name);
  finding.hint = fmt::format(
      "bring its reader back, or drop it with: select pg_drop_replication_slot({}); {}. "
      "max_slot_wal_keep_size (and from 18 on idle_replication_slot_timeout) bounds what "
      "any slot keeps",
      name ? *name : slot.name, cost(slot));
  return finding;
}

}  // namespace

std::vector<Finding> slot_abandoned(const Case& the_case) {
  std::vector<Finding> findings;
  if (!the_case.seen.activity.fresh(the_case.now)) return findings;
  for (const auto& slot : the_case.seen.activity.slots) {
    if (!is_idle(the_case, slot) || (the_case.known.keeps_archive && is_own(slot))) continue;
    auto subject = "slots." + slot.name;
    const bool too_much = static_cast<double>(slot.retained_bytes) > limit(the_case, subject);
    if (too_much || is_lost(slot) || slot.wal_status == "unreserved")
      findings.push_back(of(the_case, slot, std::move(subject)));
  }
  return findings;
}

}  // namespace pgkeel::diagnose
