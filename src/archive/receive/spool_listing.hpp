// What lies in the spool (incoming/), by name:
//   NAME            a whole segment, on disk for good, not yet in the store
//   NAME.partial    the segment being received; its full size, zeros behind what came
//   NAME.ended      the last segment of a timeline (or before a gap) that will never be whole
//   TTTTTTTT.history
// Anything else is not ours and is left alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "archive/receive/start_point.hpp"
#include "base/result.hpp"
#include "pg/wal_name.hpp"

namespace pgkeel::archive {

inline constexpr const char* kPartialSuffix = ".partial";
inline constexpr const char* kEndedSuffix = ".ended";

struct SpoolFile {
  enum class Kind { History, Complete, Ended, Partial } kind;
  std::string name;        ///< of the file
  pg::WalSegment segment;  ///< of a history only the timeline
  std::uint64_t size_bytes = 0;
};

/// More than any outage piles up (1.5 TiB of 16 MiB segments), and some 10 MB of names.
inline constexpr std::size_t kSpoolFilesMax = 100'000;

/// In the order they are to be shipped: histories first, then by timeline and position. Segments
/// count with `segment_bytes`, or by their own size when that is zero; one of another size is left
/// out. WrongState when there are more than kSpoolFilesMax.
[[nodiscard]] Result<std::vector<SpoolFile>> list_spool(const std::filesystem::path& directory,
                                                        std::uint64_t segment_bytes);

/// Where receiving goes on: the start of the newest partial segment, or behind the newest whole
/// one.
[[nodiscard]] std::optional<StreamStart> end_of_spool(const std::vector<SpoolFile>& files,
                                                      std::uint64_t segment_bytes);

}  // namespace pgkeel::archive
