// See record_watch.hpp.
#include "shadow/relay/record_watch.hpp"

#include <fmt/format.h>

#include "pg/wal/meaning.hpp"

namespace pgkeel::shadow {

Result<std::optional<UnfitRecord>> RecordWatch::look(ByteSpan bytes) {
  if (!reader_ && bytes.empty()) return std::nullopt;
  if (!reader_) {  // which version wrote it is in its first page
    const auto major = pg::major_of_wal_magic(ByteReader(bytes).read<std::uint16_t>());
    if (!major)
      return fail(ErrorCode::Malformed, fmt::format("there is no WAL at {}", to_string(from_)));
    major_ = *major;
    reader_.emplace(pg::WalFormat{major_, segment_bytes_}, from_);
  }
  reader_->feed(bytes);
  at_.value += bytes.size();
  while (true) {
    TRY(record, reader_->next());
    if (!record) return std::nullopt;
    TRY(unfit, judge(*record));
    if (unfit) return unfit;
  }
}

Result<std::optional<UnfitRecord>> RecordWatch::judge(const pg::WalRecord& record) {
  if (record.rmgr != pg::Rmgr::Tablespace) return std::nullopt;
  TRY_VOID(contents_.read(record, major_));
  TRY(meaning, pg::meaning_of(record, contents_, major_));
  const auto* created = std::get_if<pg::TablespaceCreated>(&meaning);
  if (created == nullptr) return std::nullopt;
  return UnfitRecord{record.start, fmt::format("CREATE TABLESPACE {} at {}",
                                               created->tablespace.value, created->location)};
}

}  // namespace pgkeel::shadow
