// What of the WAL's shape depends on the major version and on initdb, and the numbers that do not.
// src/include/access/xlog_internal.h, xlogrecord.h and rmgrlist.h of 13 to 18.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/strong.hpp"

namespace pgkeel::pg {

inline constexpr std::size_t kWalPageBytes = 8192;  // every build pgkeel supports
inline constexpr std::size_t kWalShortHeaderBytes = 24;
inline constexpr std::size_t kWalLongHeaderBytes = 40;  // of a segment's first page
inline constexpr std::size_t kWalRecordHeaderBytes = 24;
/// XLogRecordMaxSize of 16 and later; older servers never wrote more either.
inline constexpr std::uint32_t kWalRecordBytesMax = 1020U << 20U;

struct WalFormat {
  int major = 0;
  std::uint64_t segment_bytes = 0;
};

/// Of a page's magic number; nothing for one that is none of 13 to 18.
[[nodiscard]] std::optional<int> major_of_wal_magic(std::uint16_t magic);
[[nodiscard]] std::uint16_t wal_magic_of(int major);

/// Who wrote a record and replays it.
enum class Rmgr : std::uint8_t {
  Xlog = 0,
  Transaction = 1,
  Storage = 2,
  Clog = 3,
  Database = 4,
  Tablespace = 5,
  MultiXact = 6,
  RelationMap = 7,
  Standby = 8,
  Heap2 = 9,
  Heap = 10,
  Btree = 11,
  Hash = 12,
  Gin = 13,
  Gist = 14,
  Sequence = 15,
  SpGist = 16,
  Brin = 17,
  CommitTs = 18,
  ReplicationOrigin = 19,
  Generic = 20,
  LogicalMessage = 21,
};
/// As pg_waldump names it; "custom" from 128 on, "unknown" otherwise.
[[nodiscard]] std::string_view to_string(Rmgr rmgr);

/// A transaction id as a record holds it: the low half of a full one.
using ShortXid = Strong<struct ShortXidTag, std::uint32_t>;

/// Which files a relation is in. A relation that is rewritten gets a new one.
struct RelationFile {
  Oid tablespace;
  Oid database;  ///< zero: shared by all
  Oid number;    ///< relfilenode
  friend auto operator<=>(const RelationFile&, const RelationFile&) = default;
};

}  // namespace pgkeel::pg
