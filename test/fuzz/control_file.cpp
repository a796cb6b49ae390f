// pg_control is read after crashes, from disks that may have lied. Goal: no bytes make the reader
// crash or read outside them, and what it accepts is sane. Also tried with a right checksum for
// each layout, so that what stands behind the checksum is reached.
#include "pg/control_file.hpp"

#include <vector>

#include "base/check.hpp"
#include "base/crc32c.hpp"
#include "fuzz/fuzz_input.hpp"

namespace {

void try_bytes(pgkeel::ByteSpan bytes) {
  const auto file = pgkeel::pg::parse_control_file(bytes);
  if (!file) {
    CHECK(!file.error().detail.empty());
    return;
  }
  CHECK(file->major >= pgkeel::pg::kMajorMin && file->major <= pgkeel::pg::kMajorMax);
  CHECK(file->system_id.valid() && file->block_size > 0 && file->wal_segment_bytes > 0);
  CHECK(!to_string(file->state).empty());
  CHECK(!pgkeel::to_iso8601(file->checkpoint_at).empty());
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const auto* begin = reinterpret_cast<const std::byte*>(input);
  std::vector<std::byte> bytes(begin, begin + size);
  try_bytes(bytes);
  for (const std::size_t crc_offset : {288U, 292U}) {
    if (bytes.size() < crc_offset + 4) continue;
    const auto crc = pgkeel::crc32c(pgkeel::ByteSpan(bytes).first(crc_offset));
    std::memcpy(bytes.data() + crc_offset, &crc, sizeof crc);
    try_bytes(bytes);
  }
  return 0;
}
