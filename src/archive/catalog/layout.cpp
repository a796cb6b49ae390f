// See layout.hpp.
#include "archive/catalog/layout.hpp"

#include <algorithm>
#include <cctype>
#include <chrono>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace pgkeel::archive {
namespace {

constexpr std::size_t kLabelSize = 16;  // 20261121T030000Z
constexpr std::size_t kDigestSize = 64;
constexpr std::size_t kWalGroupSize = 16;  // timeline and log of a segment's name

bool is_digest(std::string_view text) {
  return text.size() == kDigestSize && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

std::string time_label(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y%m%dT%H%M%SZ}",
                     fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)));
}

bool is_label(std::string_view text) {
  if (text.size() != kLabelSize || text[8] != 'T' || text[15] != 'Z') return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (i != 8 && i != 15 && std::isdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  return true;
}

std::string backup_prefix(std::string_view label) {
  return fmt::format("{}{}/", kBackupsPrefix, label);
}
std::string backup_key(std::string_view label) { return backup_prefix(label) + "backup.json"; }
std::string pin_key(std::string_view label) { return backup_prefix(label) + "pin.json"; }

std::string proof_key(std::string_view label, WallTime time, std::string_view kind) {
  return fmt::format("{}proof-{}-{}.json", backup_prefix(label), time_label(time), kind);
}

std::string manifest_key(std::string_view label) {
  return backup_prefix(label) + "backup_manifest";
}

std::string shard_key(std::string_view label, std::string_view part, int number) {
  return fmt::format("{}{}/{:05}.tar", backup_prefix(label), part, number);
}

std::string wal_prefix(const pg::WalSegment& segment, std::uint64_t segment_bytes) {
  const auto name = pg::segment_name(segment, segment_bytes);
  return fmt::format("{}{}/", kWalPrefix, std::string_view(name).substr(0, kWalGroupSize));
}

std::string wal_key(const pg::WalSegment& segment, std::uint64_t segment_bytes,
                    std::string_view sha256) {
  return fmt::format("{}{}-{}", wal_prefix(segment, segment_bytes),
                     pg::segment_name(segment, segment_bytes), sha256);
}

std::string history_key(TimelineId timeline, std::string_view sha256) {
  return fmt::format("{}{}-{}", kHistoryPrefix, pg::history_name(timeline), sha256);
}

std::optional<WalObjectName> parse_wal_key(std::string_view key) {
  if (!key.starts_with(kWalPrefix)) return std::nullopt;
  key.remove_prefix(key.rfind('/') + 1);
  const auto dash = key.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto digest = key.substr(dash + 1, kDigestSize);
  const auto suffix = key.substr(std::min(key.size(), dash + 1 + kDigestSize));
  const bool known = suffix.empty() || suffix == ".zst" || suffix == ".zst.sealed";
  if (!known || !is_digest(digest)) return std::nullopt;
  return WalObjectName{std::string(key.substr(0, dash)), std::string(digest)};
}

}  // namespace pgkeel::archive
