// The decoders behind meaning.hpp, one file a resource manager, and what they share. A decoder
// reads on past the end without harm: its reader says so, and meaning_of() looks.
#pragma once

#include "pg/wal/meaning.hpp"

namespace pgkeel::pg::wal {

[[nodiscard]] WalMeaning transaction_record(const WalRecord& record, ByteReader& main, int major);
[[nodiscard]] WalMeaning standby_record(const WalRecord& record, ByteReader& main);
[[nodiscard]] WalMeaning storage_record(const WalRecord& record, ByteReader& main);
[[nodiscard]] WalMeaning database_record(const WalRecord& record, ByteReader& main, int major);
[[nodiscard]] WalMeaning tablespace_record(const WalRecord& record, ByteReader& main);
[[nodiscard]] WalMeaning heap_record(const WalRecord& record, const WalContents& contents,
                                     ByteReader& main);
[[nodiscard]] WalMeaning heap2_record(const WalRecord& record, const WalContents& contents,
                                      ByteReader& main);
[[nodiscard]] WalMeaning message_record(const WalRecord& record, ByteReader& main);
[[nodiscard]] WalMeaning xlog_record(const WalRecord& record, ByteReader& main);

[[nodiscard]] Oid read_oid(ByteReader& reader);
[[nodiscard]] ShortXid read_xid(ByteReader& reader);
[[nodiscard]] RelationFile read_relation_file(ByteReader& reader);
/// TimestampTz: microseconds since 2000.
[[nodiscard]] WallTime read_time(ByteReader& reader);
/// Up to its NUL, or all that is left.
[[nodiscard]] std::string read_text(ByteReader& reader);

/// `count` of what `read` reads; none, and the reader failed, when so many cannot be there.
template <class Read>
[[nodiscard]] auto read_many(ByteReader& reader, std::int64_t count, std::size_t bytes_each,
                             Read read) {
  std::vector<decltype(read(reader))> many;
  if (count < 0 || static_cast<std::uint64_t>(count) > reader.remaining() / bytes_each) {
    reader.skip(reader.remaining() + 1);
    return many;
  }
  many.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) many.push_back(read(reader));
  return many;
}
inline constexpr std::size_t kRelationFileBytes = 12;

}  // namespace pgkeel::pg::wal
