// Where everything is inside a store. The store describes itself: with it alone, and no state
// directory, every backup can be found, checked and restored.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"
#include "pg/wal_name.hpp"

namespace pgkeel::archive {

//   archive.json                          what archive this is (Marker)
//   lease.json                            which machine may write (Lease)
//   README.txt  restore-by-hand.sh        for somebody without pgkeel
//   backups/latest                        the label of the newest complete backup, one line
//   backups/LABEL/backup.json             written last: a backup without it does not exist
//   backups/LABEL/backup_manifest.zst     the server's own
//   backups/LABEL/data/00000.tar.zst      shards: each a whole tar, members never cut
//   backups/LABEL/tablespace-OID/00000.tar.zst
//   backups/LABEL/config/00000.tar.zst    configuration from outside the data directory
//   backups/LABEL/pin.json                never expired while it is there
//   backups/LABEL/proof-TIME-KIND.json    what a verify or a drill proved (Proof)
//   dumps/LABEL/dump.json                 written last, as above
//   dumps/LABEL/00000.dump.zst            pg_dump's custom form, one for each database
//   dumps/LABEL/globals.sql.zst           roles and tablespaces
//   dumps/LABEL/proof-TIME-drill.json
//   wal/TTTTTTTTLLLLLLLL/SEGMENT-SHA.zst  SHA: SHA-256 of the segment's plain bytes, hex
//   wal/TTTTTTTTLLLLLLLL/SEGMENT.partial-SHA.zst  the last of a timeline left in its middle
//   wal/history/TTTTTTTT.history-SHA.zst
//   incoming/                             directory stores: WAL as it is received, not yet encoded
//
// With encryption everything but the .json, .txt, .sh and latest ends in ".zst.sealed".

/// What a reader of another version may rely on; a higher number is refused.
inline constexpr int kFormat = 1;

inline constexpr const char* kMarkerKey = "archive.json";
inline constexpr const char* kLeaseKey = "lease.json";
inline constexpr const char* kLatestKey = "backups/latest";
inline constexpr const char* kBackupsPrefix = "backups/";
inline constexpr const char* kDumpsPrefix = "dumps/";
inline constexpr const char* kWalPrefix = "wal/";
inline constexpr const char* kHistoryPrefix = "wal/history/";
/// Of a segment in whose middle its timeline was left, behind the segment's name.
inline constexpr std::string_view kBeginningSuffix = ".partial";
inline constexpr const char* kIncomingDirectory = "incoming";

/// "20261121T030000Z": sorts by time; used as a backup's label and in the names of proofs.
[[nodiscard]] std::string time_label(WallTime time);
[[nodiscard]] bool is_label(std::string_view text);

[[nodiscard]] std::string backup_prefix(std::string_view label);  ///< "backups/LABEL/"
[[nodiscard]] std::string backup_key(std::string_view label);     ///< "backups/LABEL/backup.json"
[[nodiscard]] std::string pin_key(std::string_view label);
[[nodiscard]] std::string proof_key(std::string_view label, WallTime time, std::string_view kind);
[[nodiscard]] std::string manifest_key(std::string_view label);  ///< without suffix, as all below
/// "backups/LABEL/data/00007.tar"; `part` is "data", "tablespace-16400" or "config".
[[nodiscard]] std::string shard_key(std::string_view label, std::string_view part, int number);

/// "wal/0000000100000000/": where the segments of one timeline and 4 GiB of WAL are.
[[nodiscard]] std::string wal_prefix(const pg::WalSegment& segment, std::uint64_t segment_bytes);
/// A segment or history as an object: its name and the SHA-256 of its plain bytes.
[[nodiscard]] std::string wal_key(const pg::WalSegment& segment, std::uint64_t segment_bytes,
                                  std::string_view sha256);
[[nodiscard]] std::string history_key(TimelineId timeline, std::string_view sha256);

struct WalObjectName {
  std::string name;  ///< "000000010000000000000003" or "00000002.history"
  std::string sha256;
};
/// The name and digest in a key of the WAL area, with or without suffix.
[[nodiscard]] std::optional<WalObjectName> parse_wal_key(std::string_view key);

}  // namespace pgkeel::archive
