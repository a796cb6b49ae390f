// BASE_BACKUP as each major wants it, and the messages it answers with. Pure.
// https://www.postgresql.org/docs/current/protocol-replication.html#PROTOCOL-REPLICATION-BASE-BACKUP
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace pgkeel::archive {

/// From here on there is one copy of typed messages; before, a copy per tablespace, then one of the
/// manifest.
inline constexpr int kOneCopyMajor = 15;

struct BackupCommand {
  std::string label;
  /// The server sends no more than so much; it takes 32 kB/s to 1 GB/s, other values are held to
  /// that.
  std::optional<std::uint64_t> bytes_per_s_max = {};
};

/// The command for servers of `major`, 13 to 18.
[[nodiscard]] std::string base_backup_command(const BackupCommand& command, int major);

struct NewArchive {
  std::string name;      ///< "base.tar", "16400.tar"
  std::string location;  ///< of the tablespace; empty for the data directory
};
struct NewManifest {};
struct Content {
  ByteSpan bytes;
};
struct Progress {
  std::uint64_t bytes_done = 0;
};
using BackupMessage = std::variant<NewArchive, NewManifest, Content, Progress>;

/// One message of the copy of major 15 and later. Malformed.
[[nodiscard]] Result<BackupMessage> parse_backup_message(ByteSpan message);

}  // namespace pgkeel::archive
