// See held_wal.hpp.
#include "shadow/relay/held_wal.hpp"

#include <algorithm>

#include "archive/receive/spool_listing.hpp"
#include "archive/receive/store_view.hpp"
#include "pg/wal/reader.hpp"
#include "runtime/files.hpp"

namespace pgkeel::shadow {
namespace {

namespace fs = std::filesystem;
using archive::SpoolFile;
using archive::StreamStart;

std::optional<int> major_of(ByteSpan segment) {
  ByteReader header(segment);
  return pg::major_of_wal_magic(header.read<std::uint16_t>());
}

Result<Lsn> end_in_file(const fs::path& file, Lsn start, std::uint64_t segment_bytes) {
  TRY(content, runtime::read_file(file, segment_bytes));
  return end_of_records(std::as_bytes(std::span(content)), start, segment_bytes);
}

// The newest of the spool; those that are full end where they end.
Result<std::optional<HeldWal>> held_in_spool(const HeldQuestion& question) {
  TRY(files, archive::list_spool(question.incoming, question.segment_bytes));
  std::optional<HeldWal> held;
  for (const auto& file : files) {
    if (file.kind == SpoolFile::Kind::History) continue;
    const auto start = file.segment.start(question.segment_bytes);
    auto end = file.segment.end(question.segment_bytes);
    if (file.kind != SpoolFile::Kind::Complete) {
      TRY(records_end, end_in_file(question.incoming / file.name, start, question.segment_bytes));
      end = records_end;
    }
    const StreamStart here{file.segment.timeline, end};
    if (!held || here > StreamStart{held->timeline, held->end})
      held = HeldWal{here.timeline, here.lsn, question.segment_bytes};
  }
  return held;
}

// Behind the last whole segment there may be the beginning of one more.
Result<std::optional<HeldWal>> held_in_store(const HeldQuestion& question) {
  TRY(end, archive::end_of_store(*question.store, question.segment_bytes));
  if (!end) return std::nullopt;
  const HeldWal whole{end->timeline, end->lsn, question.segment_bytes};
  const auto next = pg::segment_of(end->timeline, end->lsn, question.segment_bytes);
  const auto file = question.cache / pg::segment_name(next, question.segment_bytes);
  TRY(fetched, question.source->fetch(file.filename().string(), file));
  if (fetched == archive::Fetched::NotThere) return whole;
  TRY(records_end, end_in_file(file, end->lsn, question.segment_bytes));
  std::error_code ignored;
  fs::remove(file, ignored);
  return HeldWal{whole.timeline, std::max(whole.end, records_end), whole.segment_bytes};
}

}  // namespace

Lsn end_of_records(ByteSpan segment, Lsn start, std::uint64_t segment_bytes) {
  const auto major = major_of(segment);
  if (!major) return start;
  pg::WalReader reader({*major, segment_bytes}, start);
  reader.feed(segment);
  auto end = start;
  for (auto record = reader.next(); record && *record; record = reader.next()) end = (*record)->end;
  return std::min(end, Lsn(start.value + segment_bytes));
}

Result<std::optional<HeldWal>> find_held_wal(const HeldQuestion& question) {
  TRY(received, held_in_spool(question));
  TRY(stored, held_in_store(question));
  if (!received || !stored) return received ? received : stored;
  const auto position = [](const HeldWal& held) { return StreamStart{held.timeline, held.end}; };
  return position(*received) < position(*stored) ? stored : received;
}

}  // namespace pgkeel::shadow
