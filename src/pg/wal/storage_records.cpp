// Files, databases, tablespaces: src/include/catalog/storage_xlog.h, commands/dbcommands_xlog.h,
// commands/tablespace.h.
#include "pg/wal/meanings.hpp"

namespace pgkeel::pg::wal {
namespace {

enum StorageOperation : std::uint8_t { CreateFile = 0x10, TruncateFile = 0x20 };
enum TablespaceOperation : std::uint8_t { CreateTablespace = 0x00, DropTablespace = 0x10 };
constexpr std::uint8_t kCopyDatabase = 0x00;
constexpr std::uint8_t kWriteDatabase = 0x10;  // from 15 on: made through the WAL
constexpr std::uint8_t kDropBefore15 = 0x10;
constexpr std::uint8_t kDrop = 0x20;
constexpr std::size_t kOidBytes = 4;

DatabaseCreated read_created(ByteReader& main) {
  DatabaseCreated created;
  created.database = read_oid(main);
  created.tablespace = read_oid(main);
  return created;
}

DatabaseDropped read_dropped(ByteReader& main) {
  DatabaseDropped dropped;
  dropped.database = read_oid(main);
  dropped.tablespaces = read_many(main, main.read<std::int32_t>(), kOidBytes, read_oid);
  return dropped;
}

}  // namespace

WalMeaning storage_record(const WalRecord& record, ByteReader& main) {
  switch (record.operation()) {
    case CreateFile: {
      const auto file = read_relation_file(main);
      return FileCreated{file, Fork(main.read<std::int32_t>())};
    }
    case TruncateFile: {
      const auto blocks = main.read<std::uint32_t>();
      return FileTruncated{read_relation_file(main), blocks};
    }
    default: return {};
  }
}

WalMeaning database_record(const WalRecord& record, ByteReader& main, int major) {
  const auto operation = record.operation();
  if (operation == (major >= 15 ? kDrop : kDropBefore15)) return read_dropped(main);
  if (operation == kCopyDatabase || (major >= 15 && operation == kWriteDatabase))
    return read_created(main);
  return {};
}

WalMeaning tablespace_record(const WalRecord& record, ByteReader& main) {
  switch (record.operation()) {
    case CreateTablespace: {
      const auto tablespace = read_oid(main);
      return TablespaceCreated{tablespace, read_text(main)};
    }
    case DropTablespace: return TablespaceDropped{read_oid(main)};
    default: return {};
  }
}

}  // namespace pgkeel::pg::wal
