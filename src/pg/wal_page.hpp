// The header of the first page of a WAL segment: whose WAL it is and where it belongs. Everything
// else about WAL pages is left to the server.
// src/include/access/xlog_internal.h: XLogLongPageHeaderData, the same from 13 to 18.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "base/strong.hpp"

namespace pgkeel::pg {

inline constexpr std::size_t kWalLongHeaderBytes = 40;

struct WalSegmentHeader {
  std::uint16_t magic = 0;
  TimelineId timeline;  ///< the one the page was written on: at a switch, an ancestor of the file's
  Lsn start;
  SystemId system_id;
  std::uint32_t segment_bytes = 0;
};

/// Of the first bytes of a segment; Malformed when they are no long header.
[[nodiscard]] Result<WalSegmentHeader> parse_wal_segment_header(ByteSpan bytes);

}  // namespace pgkeel::pg
