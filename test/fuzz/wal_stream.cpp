// A WAL stream comes from whoever answers at the server's address. Goal: no bytes make the decoders
// read outside them, and what they accept is sane.
#include "archive/receive/message.hpp"

#include "base/check.hpp"
#include "fuzz/fuzz_input.hpp"
#include "pg/wal_page.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const pgkeel::ByteSpan bytes(reinterpret_cast<const std::byte*>(input), size);
  const auto message = pgkeel::archive::decode_stream_message(bytes);
  if (message) {
    if (const auto* wal = std::get_if<pgkeel::archive::WalData>(&*message)) {
      CHECK(wal->bytes.size() < size);
      CHECK(wal->start.value + wal->bytes.size() >= wal->start.value);
      CHECK(!pgkeel::to_iso8601(wal->sent_at).empty());
    }
  } else {
    CHECK(!message.error().detail.empty());
  }
  const auto header = pgkeel::pg::parse_wal_segment_header(bytes);
  if (header) CHECK(header->timeline.valid() && header->segment_bytes > 0);
  return 0;
}
