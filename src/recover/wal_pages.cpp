// See wal_pages.hpp. src/include/access/xlog_internal.h: XLogPageHeaderData, the same from 13 on.
#include "recover/wal_pages.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "base/bytes.hpp"
#include "runtime/fd.hpp"

namespace pgkeel::recover {
namespace {

constexpr std::size_t kHeaderBytes = 16;        // magic, info, timeline, page address
constexpr std::uint16_t kContinuesRecord = 1U;  // XLP_FIRST_IS_CONTRECORD

struct PageHeader {
  std::uint16_t magic = 0;
  std::uint16_t info = 0;
  std::uint64_t address = 0;
  [[nodiscard]] bool zero() const { return magic == 0 && info == 0 && address == 0; }
};

Result<PageHeader> read_header(int fd, std::uint64_t offset) {
  std::array<std::byte, kHeaderBytes> bytes{};
  const auto got = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (got != static_cast<ssize_t>(bytes.size())) return fail_errno(errno, "read a page of WAL");
  ByteReader reader(bytes);
  PageHeader header;
  header.magic = reader.read<std::uint16_t>();
  header.info = reader.read<std::uint16_t>();
  reader.skip(4);
  header.address = reader.read<std::uint64_t>();
  return header;
}

}  // namespace

Result<SegmentPages> survey_segment(const std::filesystem::path& file, Lsn start,
                                    const pg::ControlFile& control) {
  const runtime::Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status{};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) return fail_errno(errno, file.string());
  if (static_cast<std::uint64_t>(status.st_size) != control.wal_segment_bytes)
    return fail(ErrorCode::Malformed, file.string() + " does not have the size of a segment");
  TRY(first, read_header(fd.get(), 0));
  SegmentPages pages;
  pages.begins_inside_record = (first.info & kContinuesRecord) != 0;
  pages.zero_after = true;
  bool whole = true;
  for (std::uint64_t at = 0; at < control.wal_segment_bytes; at += control.wal_block_size) {
    TRY(header, read_header(fd.get(), at));
    whole = whole && header.magic == first.magic && header.address == start.value + at;
    if (whole) pages.whole_bytes = at + control.wal_block_size;
    else pages.zero_after = pages.zero_after && header.zero();
  }
  return pages;
}

}  // namespace pgkeel::recover
