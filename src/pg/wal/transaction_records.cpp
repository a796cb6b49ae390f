// Transactions: src/include/access/xact.h and, for PREPARE, twophase.c (xl_xact_prepare).
#include "pg/wal/meanings.hpp"

namespace pgkeel::pg::wal {
namespace {

constexpr std::uint8_t kOperation = 0x70;
constexpr std::uint8_t kHasInfo = 0x80;
enum Operation : std::uint8_t {
  Commit = 0x00,
  Prepare = 0x10,
  Abort = 0x20,
  CommitPrepared = 0x30,
  AbortPrepared = 0x40,
  Assignment = 0x50,
};
// xinfo: which parts follow, in the order of their bits but for the statistics.
constexpr std::uint32_t kHasDatabase = 1U << 0U;
constexpr std::uint32_t kHasSubtransactions = 1U << 1U;
constexpr std::uint32_t kHasFiles = 1U << 2U;
constexpr std::uint32_t kHasInvalidations = 1U << 3U;
constexpr std::uint32_t kHasTwoPhase = 1U << 4U;
constexpr std::uint32_t kHasGid = 1U << 7U;
constexpr std::uint32_t kHasDroppedStatistics = 1U << 8U;  // from 15 on
constexpr std::size_t kInvalidationBytes = 16;
constexpr std::size_t kXidBytes = 4;
constexpr std::size_t kAlignment = 8;

// xl_xact_stats_item: 18 made the object's id 64 bits.
std::size_t statistics_bytes(int major) { return major >= 18 ? 16 : 12; }

void skip_many(ByteReader& reader, std::size_t bytes_each) {
  const auto count = reader.read<std::int32_t>();
  if (count < 0) reader.skip(reader.remaining() + 1);
  else reader.skip(static_cast<std::size_t>(count) * bytes_each);
}

TransactionEnd read_end(const WalRecord& record, ByteReader& main, int major, bool committed) {
  TransactionEnd end;
  end.committed = committed;
  end.xid = record.xid;
  end.at = read_time(main);
  const auto parts = (record.info & kHasInfo) != 0 ? main.read<std::uint32_t>() : 0U;
  const auto has = [parts](std::uint32_t part) { return (parts & part) != 0; };
  if (has(kHasDatabase)) {
    end.database = read_oid(main);
    main.skip(sizeof(std::uint32_t));  // its tablespace
  }
  if (has(kHasSubtransactions))
    end.subtransactions = read_many(main, main.read<std::int32_t>(), kXidBytes, read_xid);
  if (has(kHasFiles))
    end.dropped =
        read_many(main, main.read<std::int32_t>(), kRelationFileBytes, read_relation_file);
  if (major >= 15 && has(kHasDroppedStatistics)) skip_many(main, statistics_bytes(major));
  if (committed && has(kHasInvalidations)) skip_many(main, kInvalidationBytes);
  if (has(kHasTwoPhase)) {
    end.xid = read_xid(main);
    if (has(kHasGid)) end.gid = read_text(main);
  }
  return end;
}

TransactionEnd of_prepared(TransactionEnd end) {
  end.prepared = true;
  return end;
}

// What follows the header is aligned, each part for itself.
TransactionPrepared read_prepared(const WalRecord& record, ByteReader& main, int major) {
  TransactionPrepared prepared;
  main.skip(2 * sizeof(std::uint32_t));  // magic, length
  prepared.xid = read_xid(main);
  prepared.database = read_oid(main);
  prepared.at = read_time(main);
  main.skip(sizeof(std::uint32_t));  // owner
  const auto subtransactions = main.read<std::int32_t>();
  const auto on_commit = main.read<std::int32_t>();
  const auto on_abort = main.read<std::int32_t>();
  if (major >= 15) main.skip(2 * sizeof(std::int32_t));  // dropped statistics
  main.skip(sizeof(std::int32_t));                       // invalidations
  main.skip(1);                                          // initfileinval
  main.align(alignof(std::uint16_t));
  const auto gid_bytes = main.read<std::uint16_t>();
  main.align(kAlignment);
  main.skip(2 * sizeof(std::uint64_t));  // the origin's position and time
  const auto gid = main.take(gid_bytes);
  prepared.gid = std::string(reinterpret_cast<const char*>(gid.data()), gid.size());
  if (!prepared.gid.empty() && prepared.gid.back() == '\0') prepared.gid.pop_back();
  main.align(kAlignment);
  prepared.subtransactions = read_many(main, subtransactions, kXidBytes, read_xid);
  main.align(kAlignment);
  prepared.dropped_on_commit = read_many(main, on_commit, kRelationFileBytes, read_relation_file);
  main.align(kAlignment);
  prepared.dropped_on_abort = read_many(main, on_abort, kRelationFileBytes, read_relation_file);
  if (!prepared.xid.valid()) prepared.xid = record.xid;
  return prepared;
}

}  // namespace

WalMeaning transaction_record(const WalRecord& record, ByteReader& main, int major) {
  switch (record.info & kOperation) {
    case Commit: return read_end(record, main, major, true);
    case Abort: return read_end(record, main, major, false);
    case CommitPrepared: return of_prepared(read_end(record, main, major, true));
    case AbortPrepared: return of_prepared(read_end(record, main, major, false));
    case Prepare: return read_prepared(record, main, major);
    case Assignment: {
      SubtransactionsAssigned assigned;
      assigned.xid = read_xid(main);
      assigned.subtransactions = read_many(main, main.read<std::int32_t>(), kXidBytes, read_xid);
      return assigned;
    }
    default: return {};
  }
}

}  // namespace pgkeel::pg::wal
