// The JSON is taken apart while it is read: each file is kept and its JSON dropped at once, so that
// a manifest of a million files costs little more than its result.
#include "pg/backup_manifest.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <span>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace pgkeel::pg {
namespace {

using nlohmann::json;

constexpr std::string_view kVersionField = "PostgreSQL-Backup-Manifest-Version";
constexpr std::string_view kChecksumLine = "\"Manifest-Checksum\"";
constexpr int kVersionMax = 2;
constexpr int kListDepth = 2;  // what is in "Files" and in "WAL-Ranges"

std::unexpected<Error> damaged(std::string_view what) {
  return fail(ErrorCode::Malformed, fmt::format("backup_manifest: {}", what));
}

std::optional<std::string> from_hex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    unsigned value = 0;
    const auto* const end = hex.data() + i + 2;
    if (std::from_chars(hex.data() + i, end, value, 16).ptr != end) return std::nullopt;
    bytes += static_cast<char>(value);
  }
  if (hex.size() % 2 != 0) return std::nullopt;
  return bytes;
}

/// A relative path without empty, "." and ".." parts: it cannot leave the directory it is put in.
bool is_safe_path(std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) return false;
  while (true) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

/// A whole number; anything else that JSON calls a number must not be converted.
template <class Number>
Number number_of(const json& from) {
  if (!from.is_number_unsigned() ||
      from.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<Number>::max()})
    throw std::invalid_argument("an impossible number");
  return static_cast<Number>(from.get<std::uint64_t>());
}

std::string path_of(const json& from) {
  if (const auto encoded = from.find("Encoded-Path"); encoded != from.end()) {
    auto path = from_hex(encoded->get_ref<const std::string&>());
    if (!path) throw std::invalid_argument("a path is not hexadecimal");
    return std::move(*path);
  }
  return from.at("Path").get<std::string>();
}

ManifestFile read_manifest_file(const json& from) {
  ManifestFile file;
  file.path = path_of(from);
  if (!is_safe_path(file.path)) throw std::invalid_argument("a path leaves the data directory");
  file.size_bytes = number_of<std::uint64_t>(from.at("Size"));
  const auto name = from.find("Checksum-Algorithm");
  if (name == from.end()) return file;
  const auto algorithm = parse_checksum_algorithm(name->get_ref<const std::string&>());
  if (!algorithm) throw std::invalid_argument("a checksum is of an unknown kind");
  file.algorithm = *algorithm;
  file.checksum = from.at("Checksum").get<std::string>();
  std::ranges::transform(file.checksum, file.checksum.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return file;
}

ManifestWalRange read_range(const json& from) {
  const auto start = parse_lsn(from.at("Start-LSN").get_ref<const std::string&>());
  const auto end = parse_lsn(from.at("End-LSN").get_ref<const std::string&>());
  const TimelineId timeline(number_of<std::uint32_t>(from.at("Timeline")));
  if (!start || !end || *end < *start || !timeline.valid())
    throw std::invalid_argument("an impossible range of WAL");
  return {timeline, *start, *end};
}

void read_head(const json& head, BackupManifest& manifest) {
  manifest.version = static_cast<int>(number_of<std::uint8_t>(head.at(kVersionField)));
  if (manifest.version < 1 || manifest.version > kVersionMax) return;
  if (const auto id = head.find("System-Identifier"); id != head.end())
    manifest.system_id = SystemId(number_of<std::uint64_t>(*id));
  if (manifest.version >= 2 && !manifest.system_id)
    throw std::invalid_argument("the system identifier is missing");
}

// Throws what nlohmann throws, and std::invalid_argument.
BackupManifest read_manifest(std::string_view text) {
  BackupManifest manifest;
  const auto keep = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth != kListDepth || event != json::parse_event_t::object_end) return true;
    if (parsed.contains("Timeline")) manifest.wal_ranges.push_back(read_range(parsed));
    else manifest.files.push_back(read_manifest_file(parsed));
    return false;
  };
  const auto head = json::parse(text, keep);
  read_head(head, manifest);
  return manifest;
}

Result<void> check_own_checksum(std::string_view text) {
  const auto at = text.rfind(kChecksumLine);
  if (at == std::string_view::npos) return damaged("ends in the middle");
  auto line = text.substr(at + kChecksumLine.size());
  FileChecksum checksum(ChecksumAlgorithm::Sha256);
  checksum.update(std::as_bytes(std::span(text.substr(0, at))));
  const auto quote = line.find('"');
  if (quote == std::string_view::npos ||
      line.substr(quote + 1, line.find('"', quote + 1) - quote - 1) != checksum.hex())
    return damaged("its own checksum is not right");
  return {};
}

bool has_duplicates(const std::vector<ManifestFile>& files) {
  return std::ranges::adjacent_find(files, {}, &ManifestFile::path) != files.end();
}

}  // namespace

const ManifestFile* BackupManifest::find(std::string_view path) const {
  const auto found = std::ranges::lower_bound(files, path, {}, &ManifestFile::path);
  return found != files.end() && found->path == path ? &*found : nullptr;
}

Result<BackupManifest> parse_backup_manifest(std::string_view text) {
  if (text.size() > kBackupManifestBytesMax) return damaged("is too large");
  TRY_VOID(check_own_checksum(text));
  try {
    auto manifest = read_manifest(text);
    if (manifest.version < 1 || manifest.version > kVersionMax)
      return fail(Error(ErrorCode::Unsupported,
                        fmt::format("backup_manifest is of version {}", manifest.version))
                      .with_hint("Use a newer pgkeel for this server."));
    std::ranges::sort(manifest.files, {}, &ManifestFile::path);
    if (has_duplicates(manifest.files)) return damaged("names a file twice");
    return manifest;
  } catch (const std::exception& problem) {
    return damaged(problem.what());
  }
}

}  // namespace pgkeel::pg
