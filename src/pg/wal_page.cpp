// See wal_page.hpp.
#include "pg/wal_page.hpp"

#include "pg/wal_name.hpp"

namespace pgkeel::pg {
namespace {

constexpr std::uint16_t kLongHeaderFlag = 0x0002;  // XLP_LONG_HEADER

}  // namespace

Result<WalSegmentHeader> parse_wal_segment_header(ByteSpan bytes) {
  ByteReader reader(bytes);
  WalSegmentHeader header;
  header.magic = reader.read<std::uint16_t>();
  const auto flags = reader.read<std::uint16_t>();
  header.timeline = TimelineId(reader.read<std::uint32_t>());
  header.start = Lsn(reader.read<std::uint64_t>());
  reader.skip(8);  // xlp_rem_len and padding
  header.system_id = SystemId(reader.read<std::uint64_t>());
  header.segment_bytes = reader.read<std::uint32_t>();
  reader.skip(4);  // xlp_xlog_blcksz
  if (reader.failed() || (flags & kLongHeaderFlag) == 0 || !header.timeline.valid() ||
      !valid_segment_bytes(header.segment_bytes))
    return fail(ErrorCode::Malformed, "not the first page of a WAL segment");
  return header;
}

}  // namespace pgkeel::pg
