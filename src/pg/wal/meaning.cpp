// See meaning.hpp.
#include "pg/wal/meaning.hpp"

#include <fmt/format.h>

#include "pg/wal/meanings.hpp"

namespace pgkeel::pg {
namespace {

WalMeaning decode(const WalRecord& record, const WalContents& contents, int major,
                  ByteReader& main) {
  using enum Rmgr;
  switch (record.rmgr) {
    case Transaction: return wal::transaction_record(record, main, major);
    case Standby: return wal::standby_record(record, main);
    case Storage: return wal::storage_record(record, main);
    case Database: return wal::database_record(record, main, major);
    case Tablespace: return wal::tablespace_record(record, main);
    case Heap: return wal::heap_record(record, contents, main);
    case Heap2: return wal::heap2_record(record, contents, main);
    case LogicalMessage: return wal::message_record(record, main);
    case Xlog: return wal::xlog_record(record, main);
    default: return {};
  }
}

}  // namespace

Result<WalMeaning> meaning_of(const WalRecord& record, const WalContents& contents, int major) {
  ByteReader main(contents.main());
  auto meaning = decode(record, contents, major, main);
  if (main.failed())
    return fail(ErrorCode::Malformed, fmt::format("the {} record at {} is shorter than it says",
                                                  to_string(record.rmgr), to_string(record.start)));
  return meaning;
}

namespace wal {

Oid read_oid(ByteReader& reader) { return Oid(reader.read<std::uint32_t>()); }
ShortXid read_xid(ByteReader& reader) { return ShortXid(reader.read<std::uint32_t>()); }

RelationFile read_relation_file(ByteReader& reader) {
  RelationFile file;
  file.tablespace = read_oid(reader);
  file.database = read_oid(reader);
  file.number = read_oid(reader);
  return file;
}

WallTime read_time(ByteReader& reader) {
  constexpr std::chrono::seconds kFrom1970{946'684'800};
  return WallTime(kFrom1970) + std::chrono::microseconds(reader.read<std::int64_t>());
}

std::string read_text(ByteReader& reader) {
  const auto bytes = reader.take(reader.remaining());
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return std::string(text.substr(0, text.find('\0')));
}

}  // namespace wal
}  // namespace pgkeel::pg
