// See segment_spool.hpp.
#include "archive/receive/segment_spool.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "base/check.hpp"
#include "base/fault_point.hpp"
#include "base/time.hpp"
#include "pg/wal_page.hpp"
#include "runtime/files.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSectorBytes = 512;

std::unexpected<Error> fail_path(int err, std::string_view verb, const fs::path& path) {
  return fail_errno(err, fmt::format("{} {}", verb, path.native()));
}

Result<void> write_at(int fd, std::uint64_t offset, ByteSpan bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const auto count = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_path(errno, "write", path);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<void> write_zeros(int fd, std::uint64_t from, std::uint64_t to, const fs::path& path) {
  static constexpr std::array<std::byte, 65'536> kZeros{};
  while (from < to) {
    const auto part = std::min<std::uint64_t>(kZeros.size(), to - from);
    TRY_VOID(write_at(fd, from, ByteSpan(kZeros).first(part), path));
    from += part;
  }
  return {};
}

bool blank(ByteSpan bytes) {
  return std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{}; });
}

}  // namespace

bool contradicts(ByteSpan present, ByteSpan incoming) {
  const auto size = std::min(present.size(), incoming.size());
  for (std::size_t at = 0; at < size; at += kSectorBytes) {
    const auto length = std::min(kSectorBytes, size - at);
    const auto old_sector = present.subspan(at, length);
    if (std::memcmp(old_sector.data(), incoming.data() + at, length) != 0 && !blank(old_sector))
      return true;
  }
  return false;
}

Result<SegmentSpool> SegmentSpool::open(SpoolOptions options) {
  SegmentSpool spool(std::move(options));
  TRY(files, list_spool(spool.options_.directory, spool.options_.segment_bytes));
  spool.end_ = end_of_spool(files, spool.options_.segment_bytes);
  return spool;
}

Result<void> SegmentSpool::end_partials_but(const StreamStart& start) const {
  TRY(files, list_spool(options_.directory, options_.segment_bytes));
  for (const auto& file : files) {
    if (file.kind != SpoolFile::Kind::Partial) continue;
    const StreamStart here{file.segment.timeline, file.segment.start(options_.segment_bytes)};
    if (here == start) continue;
    const auto name = pg::segment_name(file.segment, options_.segment_bytes);
    const auto from = options_.directory / file.name;
    const auto to = options_.directory / (name + kEndedSuffix);
    if (::rename(from.c_str(), to.c_str()) != 0) return fail_path(errno, "rename", from);
  }
  return runtime::fsync_directory(options_.directory);
}

Result<void> SegmentSpool::begin(const StreamStart& start, Lsn trusted) {
  CHECK(start.lsn.value % options_.segment_bytes == 0);
  fd_.reset();
  timeline_ = start.timeline;
  written_ = flushed_ = start.lsn;
  trusted_ = trusted;
  return end_partials_but(start);
}

fs::path SegmentSpool::current_path(std::string_view suffix) const {
  const pg::WalSegment segment{timeline_, current_};
  return options_.directory /
         (pg::segment_name(segment, options_.segment_bytes) + std::string(suffix));
}

Result<int> SegmentSpool::write(Lsn start, ByteSpan bytes) {
  if (start != written_)
    return fail(ErrorCode::Malformed,
                fmt::format("the server sent WAL from {} where {} comes next; it was not written",
                            to_string(start), to_string(written_)));
  int finished = 0;
  while (!bytes.empty()) {
    if (!fd_.valid()) TRY_VOID(open_current());
    const auto offset = written_.value % options_.segment_bytes;
    const auto part = bytes.first(std::min(bytes.size(), options_.segment_bytes - offset));
    TRY_VOID(check_bytes(offset, part));
    TRY_VOID(store(offset, part));
    written_.value += part.size();
    bytes = bytes.subspan(part.size());
    if (written_.value % options_.segment_bytes != 0) continue;
    TRY_VOID(finish_segment());
    ++finished;
  }
  return finished;
}

Result<void> SegmentSpool::open_current() {
  current_ = written_.value / options_.segment_bytes;
  const auto whole = current_path("");
  std::error_code ignored;
  if (fs::exists(whole, ignored))
    return fail(ErrorCode::WrongState,
                fmt::format("{} is there already and is not received again", whole.native()));
  const auto path = current_path(kPartialSuffix);
  const bool fresh = !fs::exists(path, ignored);
  if (fresh) TRY_VOID(check_room());
  fd_ = runtime::Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd_.valid()) return fail_path(errno, "open", path);
  struct stat status{};
  if (::fstat(fd_.get(), &status) != 0) return fail_path(errno, "inspect", path);
  if (auto allocated = allocate(static_cast<std::uint64_t>(status.st_size)); !allocated) {
    fd_.reset();
    if (fresh) ::unlink(path.c_str());
    return allocated;
  }
  return runtime::fsync_directory(options_.directory);
}

Result<void> SegmentSpool::check_room() const {
  TRY(space, runtime::disk_space(options_.directory));
  if (space.bytes_free >= options_.free_bytes_min + options_.segment_bytes) return {};
  return fail(Error(ErrorCode::DiskFull,
                    fmt::format("{} has {} free, and receiving another segment would leave less "
                                "than the {} that are kept free",
                                options_.directory.native(), format_size(space.bytes_free),
                                format_size(options_.free_bytes_min)))
                  .with_hint("Free space there; receiving goes on by itself. Meanwhile the server "
                             "keeps its WAL for the archive, up to max_slot_wal_keep_size."));
}

Result<void> SegmentSpool::allocate(std::uint64_t from_bytes) {
  const auto path = current_path(kPartialSuffix);
  const auto size = options_.segment_bytes;
  if (from_bytes > size)
    return fail(ErrorCode::WrongState, fmt::format("{} is larger than a segment", path.native()));
  if (from_bytes == size) return {};
  if (options_.allocation == SpoolOptions::Allocation::Zeroed) {
    TRY_VOID(write_zeros(fd_.get(), from_bytes, size, path));
  } else if (const int err = ::posix_fallocate(fd_.get(), 0, static_cast<off_t>(size)); err != 0) {
    return fail_path(err, "reserve space for", path);
  }
  if (::fsync(fd_.get()) != 0) return fail_path(errno, "fsync", path);
  return {};
}

Result<void> SegmentSpool::check_bytes(std::uint64_t offset, ByteSpan bytes) const {
  if (offset == 0 && bytes.size() >= pg::kWalLongHeaderBytes) {
    TRY(header, pg::parse_wal_segment_header(bytes));
    if (header.system_id != options_.system_id || header.start != written_ ||
        header.segment_bytes != options_.segment_bytes || header.timeline > timeline_)
      return fail(ErrorCode::WrongIdentity,
                  fmt::format("the WAL at {} says it is of system {}, timeline {}, at {}; it was "
                              "not written",
                              to_string(written_), to_string(header.system_id),
                              header.timeline.value, to_string(header.start)));
  }
  if (written_ >= trusted_) return {};
  const auto known = std::min<std::uint64_t>(bytes.size(), trusted_.value - written_.value);
  std::vector<std::byte> present(known);
  const auto count = ::pread(fd_.get(), present.data(), known, static_cast<off_t>(offset));
  if (count < 0) return fail_path(errno, "read", current_path(kPartialSuffix));
  present.resize(static_cast<std::size_t>(count));
  if (!contradicts(present, bytes)) return {};
  return fail(Error(ErrorCode::WrongIdentity,
                    fmt::format("the server's WAL at {} of timeline {} is not what was received "
                                "there before; it was not written",
                                to_string(written_), timeline_.value))
                  .with_hint("The server went back in time (a restored copy, a rolled-back "
                             "machine). Nothing is archived from it while the archive has more."));
}

Result<void> SegmentSpool::store(std::uint64_t offset, ByteSpan bytes) {
  return write_at(fd_.get(), offset, bytes, current_path(kPartialSuffix));
}

// A file without a name takes every byte and keeps none.
Result<void> SegmentSpool::require_name() {
  struct stat status{};
  if (::fstat(fd_.get(), &status) != 0)
    return fail_path(errno, "inspect", current_path(kPartialSuffix));
  if (status.st_nlink > 0) return {};
  fd_.reset();
  return fail(Error(ErrorCode::NotFound, fmt::format("{} was removed while it was being written",
                                                     current_path(kPartialSuffix).native()))
                  .with_hint("It is received again from its start."));
}

Result<void> SegmentSpool::flush() {
  if (flushed_ == written_) return {};
  if (!fd_.valid())  // an error before has closed it
    return fail(ErrorCode::Io, fmt::format("{} cannot be flushed; it is received again",
                                           current_path(kPartialSuffix).native()));
  TRY_VOID(require_name());
  if (::fdatasync(fd_.get()) != 0) {
    const int why = errno;
    fd_.reset();  // the kernel forgets what failed: everything is written again from the start
    return fail_path(why, "fdatasync", current_path(kPartialSuffix));
  }
  flushed_ = written_;
  return {};
}

Result<void> SegmentSpool::finish_segment() {
  fault_point("receive-before-finish");
  if (::fdatasync(fd_.get()) != 0) {
    const int why = errno;
    fd_.reset();
    return fail_path(why, "fdatasync", current_path(kPartialSuffix));
  }
  fd_.reset();
  fault_point("receive-before-rename");
  TRY_VOID(runtime::rename_durable(current_path(kPartialSuffix), current_path("")));
  fault_point("receive-after-rename");
  flushed_ = written_;
  return {};
}

}  // namespace pgkeel::archive
