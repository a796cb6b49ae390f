// Whether a WAL segment really holds, page after page, what its name says: a disk that loses one
// file may have lost the middle of another, and a replay ends, without a word, where the WAL does.
// Reads the first bytes of each page; what the records in them say is left to the server.
#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "pg/control_file.hpp"

namespace pgkeel::recover {

struct SegmentPages {
  std::uint64_t whole_bytes = 0;  ///< from its beginning on, until a page is another's or zero
  bool zero_after = false;  ///< all of the rest is zero: the segment was switched, or not full
  bool begins_inside_record = false;
};

/// Of the segment that begins at `start`. Malformed when its size is not that of a segment.
[[nodiscard]] Result<SegmentPages> survey_segment(const std::filesystem::path& file, Lsn start,
                                                  const pg::ControlFile& control);

}  // namespace pgkeel::recover
