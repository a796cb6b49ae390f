// See server.hpp.
#include "archive/receive/server.hpp"

#include <charconv>

#include <fmt/format.h>

#include "base/log.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::string_view kDuplicateObject = "42710";
constexpr std::string_view kUndefinedObject = "42704";
constexpr std::string_view kUndefinedFile = "58P01";
constexpr std::string_view kObjectNotInPrerequisiteState = "55000";
constexpr int kFirstWithReadSlot = 15;
constexpr int kFirstThatRefusesLostSlots = 18;
constexpr Millis kRestLimit{2'000};
constexpr int kRestMax = 8;  // results of one command
constexpr std::size_t kSegmentDigits = 24;

Result<TimelineId> parse_timeline(const std::string* text) {
  std::uint32_t number = 0;
  if (text != nullptr) std::from_chars(text->data(), text->data() + text->size(), number);
  if (number == 0) return fail(ErrorCode::Malformed, "the server named no timeline");
  return TimelineId(number);
}

Result<std::string> value_of(const client::TextRows& rows, std::string_view column) {
  if (const auto* value = rows.at(0, column)) return *value;
  return fail(ErrorCode::Malformed, fmt::format("the server's answer has no {}", column));
}

Result<std::uint64_t> segment_size(client::ReplicationSession& session) {
  TRY(shown, session.run("SHOW wal_segment_size"));
  TRY(text, value_of(shown, "wal_segment_size"));
  TRY(bytes, parse_size(text));
  if (pg::valid_segment_bytes(bytes)) return bytes;
  return fail(ErrorCode::Malformed, fmt::format("the server's WAL segments have {} bytes", bytes));
}

// A segment's name stands in the server's message as it is, translated or not.
bool names_segment(std::string_view text) {
  std::size_t digits = 0;
  for (const char c : text) {
    const bool digit = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
    if (!digit && digits == kSegmentDigits) return true;
    digits = digit ? digits + 1 : 0;
  }
  return digits == kSegmentDigits;
}

// A command that failed leaves its end to be read.
void finish_command(client::ReplicationSession& session) {
  for (int i = 0; i < kRestMax; ++i) {
    const auto step = session.next(kRestLimit);
    if (!step || *step == client::ReplicationSession::Step::Done) return;
  }
}

}  // namespace

Result<ServerIdentity> identify(client::ReplicationSession& session) {
  TRY(rows, session.run("IDENTIFY_SYSTEM"));
  ServerIdentity identity;
  TRY(system_id, value_of(rows, "systemid"));
  TRY(parsed, parse_system_id(system_id));
  identity.system_id = parsed;
  TRY(timeline, parse_timeline(rows.at(0, "timeline")));
  identity.timeline = timeline;
  TRY(position, value_of(rows, "xlogpos"));
  TRY(flushed, parse_lsn(position));
  identity.flushed = flushed;
  TRY(bytes, segment_size(session));
  identity.segment_bytes = bytes;
  return identity;
}

Result<void> ensure_slot(client::ReplicationSession& session, const std::string& slot) {
  const auto made =
      session.run(fmt::format("CREATE_REPLICATION_SLOT \"{}\" PHYSICAL RESERVE_WAL", slot));
  if (made) log_info("replication slot made", {{"slot", slot}});
  if (made || made.error().sqlstate == kDuplicateObject) return {};
  return fail(Error(made.error()).with_context(fmt::format("make replication slot {}", slot)));
}

Result<void> renew_slot(client::ReplicationSession& session, const std::string& slot) {
  const auto dropped = session.run(fmt::format("DROP_REPLICATION_SLOT \"{}\"", slot));
  if (!dropped && dropped.error().sqlstate != kUndefinedObject)
    return fail(Error(dropped.error()).with_context(fmt::format("drop replication slot {}", slot)));
  return ensure_slot(session, slot);
}

Result<std::optional<Lsn>> slot_restart(client::ReplicationSession& session,
                                        const std::string& slot) {
  if (session.major() < kFirstWithReadSlot) return std::nullopt;
  TRY(rows, session.run(fmt::format("READ_REPLICATION_SLOT \"{}\"", slot)));
  const auto* text = rows.at(0, "restart_lsn");
  if (text == nullptr) return std::nullopt;
  TRY(lsn, parse_lsn(*text));
  return lsn;
}

Result<std::string> timeline_history(client::ReplicationSession& session, TimelineId timeline) {
  TRY(rows, session.run(fmt::format("TIMELINE_HISTORY {}", timeline.value)));
  return value_of(rows, "content");
}

std::string start_command(const std::string& slot, const StreamStart& start) {
  return fmt::format("START_REPLICATION SLOT \"{}\" PHYSICAL {} TIMELINE {}", slot,
                     to_string(start.lsn), start.timeline.value);
}

// "requested WAL segment ... has already been removed", in whatever language.
bool segment_is_gone(const Error& error) {
  return error.sqlstate == kUndefinedFile && names_segment(error.detail);
}

// From 18 on an invalidated slot is refused before anything is asked for. That is all that keeps a
// physical slot which is there from being used by START_REPLICATION.
bool wal_is_gone(client::ReplicationSession& session, const std::string& slot, const Error& error) {
  if (segment_is_gone(error)) return true;
  if (error.sqlstate != kObjectNotInPrerequisiteState) return false;
  if (session.major() < kFirstThatRefusesLostSlots) return false;
  finish_command(session);
  const auto rows = session.run(fmt::format("READ_REPLICATION_SLOT \"{}\"", slot));
  if (!rows) return false;
  const auto* type = rows->at(0, "slot_type");
  return type != nullptr && *type == "physical";
}

}  // namespace pgkeel::archive
