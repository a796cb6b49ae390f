// See target.hpp.
#include "archive/restore/target.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace pgkeel::archive {
namespace {

constexpr std::string_view kAccepted =
    "Write latest, a time such as 2026-11-21T03:04:05Z, a WAL position such as 0/3A7D9060, "
    "xid:NUMBER or name:RESTORE_POINT; with before: in front the target itself is left out.";

std::optional<std::string_view> after(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return std::nullopt;
  return text.substr(prefix.size());
}

// "+01:30", "-08", "Z" or nothing, at the end of a time.
std::optional<Millis> take_zone(std::string& text) {
  if (text.ends_with('Z')) return Millis(0);
  const auto sign = text.find_last_of("+-");
  if (sign == std::string::npos || sign < std::string_view("2026-11-21").size()) {
    text += 'Z';
    return Millis(0);
  }
  const std::string zone = text.substr(sign);
  int hours = 0;
  int minutes = 0;
  const auto end = zone.data() + zone.size();
  const auto parsed = std::from_chars(zone.data() + 1, end, hours);
  if (parsed.ec != std::errc()) return std::nullopt;
  if (parsed.ptr != end &&
      (*parsed.ptr != ':' || std::from_chars(parsed.ptr + 1, end, minutes).ptr != end))
    return std::nullopt;
  text.resize(sign);
  text += 'Z';
  const Millis offset = std::chrono::hours(hours) + std::chrono::minutes(minutes);
  return zone.front() == '-' ? -offset : offset;
}

std::optional<WallTime> parse_time(std::string_view given) {
  std::string text(given);
  if (const auto blank = text.find(' '); blank != std::string::npos) text[blank] = 'T';
  const auto zone = take_zone(text);
  if (!zone) return std::nullopt;
  const auto time = parse_iso8601(text);
  if (!time) return std::nullopt;
  return *time - *zone;
}

bool read_xid(std::string_view text, Xid& xid) {
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, xid.value);
  return parsed.ec == std::errc() && parsed.ptr == end && xid.valid();
}

// As the server reads it whatever its DateStyle, to the microsecond.
std::string server_time(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%d %H:%M:%S}.{:06}+00",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                     (time - seconds).count());
}

std::string_view inclusive(const RecoveryTarget& target) {
  return target.stop == RecoveryTarget::Stop::After ? "on" : "off";
}

}  // namespace

std::string RecoveryTarget::describe() const {
  const std::string before = stop == Stop::Before ? "just before " : "";
  switch (kind) {
    case Kind::Latest: return "the latest moment";
    case Kind::Time: return before + to_iso8601(time);
    case Kind::Position: return before + to_string(lsn);
    case Kind::Transaction: return before + "transaction " + to_string(xid);
    case Kind::Name: return "the restore point " + name;
  }
  return {};
}

Result<RecoveryTarget> parse_target(std::string_view text) {
  RecoveryTarget target;
  std::string_view rest = text;
  if (const auto excluded = after(rest, "before:")) {
    target.stop = RecoveryTarget::Stop::Before;
    rest = *excluded;
  }
  using Kind = RecoveryTarget::Kind;
  if (rest == "latest" && target.stop == RecoveryTarget::Stop::After) return target;
  if (const auto name = after(rest, "name:"); name && !name->empty()) {
    target.kind = Kind::Name;
    target.name = *name;
    return target;
  }
  if (const auto xid = after(rest, "xid:"); xid && read_xid(*xid, target.xid)) {
    target.kind = Kind::Transaction;
    return target;
  }
  if (const auto lsn = parse_lsn(rest)) {
    target.kind = Kind::Position;
    target.lsn = *lsn;
    return target;
  }
  if (const auto time = parse_time(rest)) {
    target.kind = Kind::Time;
    target.time = *time;
    return target;
  }
  return fail(Error(ErrorCode::Usage, fmt::format("\"{}\" is no recovery target", text))
                  .with_hint(kAccepted));
}

Settings target_settings(const RecoveryTarget& target) {
  Settings settings;
  switch (target.kind) {
    case RecoveryTarget::Kind::Latest: return {};
    case RecoveryTarget::Kind::Time:
      settings.emplace_back("recovery_target_time", server_time(target.time));
      break;
    case RecoveryTarget::Kind::Position:
      settings.emplace_back("recovery_target_lsn", to_string(target.lsn));
      break;
    case RecoveryTarget::Kind::Transaction:
      settings.emplace_back("recovery_target_xid", to_string(target.xid));
      break;
    case RecoveryTarget::Kind::Name:
      settings.emplace_back("recovery_target_name", target.name);
      break;
  }
  settings.emplace_back("recovery_target_inclusive", inclusive(target));
  settings.emplace_back("recovery_target_action", "promote");
  return settings;
}

}  // namespace pgkeel::archive
