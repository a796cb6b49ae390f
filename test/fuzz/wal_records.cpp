// WAL comes from whoever wrote the file or answers at the server's address. Goal: no bytes make the
// reader or the decoders of records read outside them, and what goes out is sane.
#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "pg/wal/meaning.hpp"

namespace {

// As it stands, whatever its checksum: few inputs have a right one.
void decode_bare(pgkeel::ByteSpan bytes, int major) {
  if (bytes.size() < 2) return;
  pgkeel::pg::WalRecord record;
  record.rmgr = pgkeel::pg::Rmgr(bytes[0]);
  record.info = static_cast<std::uint8_t>(bytes[1]);
  record.body = bytes.subspan(2);
  pgkeel::pg::WalContents contents;
  if (!contents.read(record, major)) return;
  CHECK(contents.blocks().size() <= pgkeel::pg::kWalBlocksMax);
  static_cast<void>(pgkeel::pg::meaning_of(record, contents, major));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  constexpr std::uint64_t kSegmentBytes = 1U << 20U;
  const pgkeel::ByteSpan bytes(reinterpret_cast<const std::byte*>(input), size);
  if (bytes.empty()) return 0;
  const int major = 13 + static_cast<int>(input[0] % 6);
  decode_bare(bytes.subspan(1), major);
  pgkeel::pg::WalReader reader({major, kSegmentBytes}, pgkeel::Lsn(kSegmentBytes));
  const auto half = bytes.size() / 2;
  for (const auto part :
       {bytes.subspan(1, half), bytes.subspan(std::min(half + 1, bytes.size()))}) {
    reader.feed(part);
    auto record = reader.next();
    while (record && *record) {
      CHECK((*record)->end > (*record)->start);
      record = reader.next();
    }
  }
  return 0;
}
