// Rows: src/include/access/heapam_xlog.h.
#include "pg/wal/meanings.hpp"

namespace pgkeel::pg::wal {
namespace {

constexpr std::uint8_t kOperation = 0x70;
enum HeapOperation : std::uint8_t {
  Insert = 0x00,
  Delete = 0x10,
  Update = 0x20,
  Truncate = 0x30,
  HotUpdate = 0x40,
  InPlace = 0x70,
};
constexpr std::uint8_t kMultiInsert = 0x50;  // of Heap2
constexpr std::size_t kOidBytes = 4;

RowsChanged of_file(const WalBlock* block) {
  RowsChanged changed;
  if (block != nullptr) changed.file = block->file;
  return changed;
}

RelationsTruncated read_truncate(ByteReader& main) {
  RelationsTruncated truncated;
  truncated.database = read_oid(main);
  const std::int64_t count = main.read<std::uint32_t>();
  main.skip(1);  // CASCADE, RESTART IDENTITY
  main.align(kOidBytes);
  truncated.relations = read_many(main, count, kOidBytes, read_oid);
  return truncated;
}

RowOverwritten read_overwrite(const WalBlock* block, ByteReader& main) {
  RowOverwritten row;
  row.item = main.read<std::uint16_t>();
  if (block == nullptr) return row;
  row.file = block->file;
  row.block = block->number;
  row.row = block->payload;
  return row;
}

}  // namespace

WalMeaning heap_record(const WalRecord& record, const WalContents& contents, ByteReader& main) {
  const auto* block = contents.block(0);
  auto changed = of_file(block);
  switch (record.info & kOperation) {
    case Insert: changed.inserted = 1; return changed;
    case Delete: changed.deleted = 1; return changed;
    case Update:
    case HotUpdate: changed.updated = 1; return changed;
    case Truncate: return read_truncate(main);
    case InPlace: return read_overwrite(block, main);
    default: return {};
  }
}

WalMeaning heap2_record(const WalRecord& record, const WalContents& contents, ByteReader& main) {
  if ((record.info & kOperation) != kMultiInsert) return {};
  auto changed = of_file(contents.block(0));
  main.skip(1);  // flags
  main.align(alignof(std::uint16_t));
  changed.inserted = main.read<std::uint16_t>();
  return changed;
}

}  // namespace pgkeel::pg::wal
