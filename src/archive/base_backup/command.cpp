// NOWAIT, WAIT false: the server need not have archived the WAL; we take it through the receiver.
#include "archive/base_backup/command.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.hpp"

namespace pgkeel::archive {
namespace {

constexpr std::uint64_t kRateMinKb = 32;         // MAX_RATE_LOWER
constexpr std::uint64_t kRateMaxKb = 1'048'576;  // MAX_RATE_UPPER

std::uint64_t rate_kb(std::uint64_t bytes_per_s) {
  return std::clamp(bytes_per_s / 1024, kRateMinKb, kRateMaxKb);
}

/// A quoted literal; labels are ours and hold nothing that needs more.
std::string literal(std::string_view label) {
  CHECK(label.find_first_of("'\\") == std::string_view::npos);
  return fmt::format("'{}'", label);
}

std::optional<std::string> take_string(ByteReader& reader, ByteSpan message) {
  const auto rest = message.subspan(reader.offset());
  const auto end = std::ranges::find(rest, std::byte{0});
  if (end == rest.end()) return std::nullopt;
  const auto size = static_cast<std::size_t>(end - rest.begin());
  reader.skip(size + 1);
  return std::string(reinterpret_cast<const char*>(rest.data()), size);
}

}  // namespace

std::string base_backup_command(const BackupCommand& command, int major) {
  const auto label = literal(command.label);
  if (major < kOneCopyMajor)
    return fmt::format(
        "BASE_BACKUP LABEL {} PROGRESS FAST NOWAIT{} TABLESPACE_MAP MANIFEST 'yes' "
        "MANIFEST_CHECKSUMS 'CRC32C'",
        label,
        command.bytes_per_s_max ? fmt::format(" MAX_RATE {}", rate_kb(*command.bytes_per_s_max))
                                : "");
  return fmt::format(
      "BASE_BACKUP (LABEL {}, PROGRESS, CHECKPOINT 'fast', WAIT false{}, TABLESPACE_MAP, "
      "MANIFEST 'yes', MANIFEST_CHECKSUMS 'CRC32C')",
      label,
      command.bytes_per_s_max ? fmt::format(", MAX_RATE {}", rate_kb(*command.bytes_per_s_max))
                              : "");
}

Result<BackupMessage> parse_backup_message(ByteSpan message) {
  ByteReader reader(message);
  switch (reader.read<char>()) {
    case 'd': return Content{message.subspan(1)};
    case 'm': return NewManifest{};
    case 'p': {
      const auto done = reader.read_be<std::uint64_t>();
      if (!reader.failed()) return Progress{done};
      break;
    }
    case 'n': {
      auto name = take_string(reader, message);
      auto location = name ? take_string(reader, message) : std::nullopt;
      if (location) return NewArchive{std::move(*name), std::move(*location)};
      break;
    }
    default: break;
  }
  return fail(ErrorCode::Malformed, "the server sent a message that BASE_BACKUP does not have");
}

}  // namespace pgkeel::archive
