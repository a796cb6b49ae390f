// See reader.hpp. src/backend/access/transam/xlogreader.c tells what a valid stream is.
#include "pg/wal/reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/crc32c.hpp"

namespace pgkeel::pg {
namespace {

constexpr std::size_t kAlignment = 8;
constexpr std::size_t kCrcAt = 20;
// xlp_info of a page.
constexpr std::uint16_t kBeginsWithRest = 0x0001;
constexpr std::uint16_t kLongHeader = 0x0002;
constexpr std::uint16_t kRestIsGivenUp = 0x0008;
constexpr std::uint8_t kSwitch = 0x40;  // of Rmgr::Xlog

constexpr std::uint64_t aligned(std::uint64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

template <class Number>
Number number_at(ByteSpan bytes, std::size_t offset) {
  Number number{};
  std::memcpy(&number, bytes.subspan(offset, sizeof number).data(), sizeof number);
  return number;
}

bool crc_matches(ByteSpan record) {
  Crc32c crc;
  crc.update(record.subspan(kWalRecordHeaderBytes));
  crc.update(record.first(kCrcAt));
  return crc.value() == number_at<std::uint32_t>(record, kCrcAt);
}

}  // namespace

void WalReader::feed(ByteSpan bytes) {
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
  used_ = 0;
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

void WalReader::consume(std::size_t bytes) {
  used_ += bytes;
  at_ = Lsn(at_.value + bytes);
}

Error WalReader::damaged(std::string_view what) const {
  return Error(ErrorCode::Malformed, fmt::format("WAL at {}: {}", to_string(at_), what));
}

Result<std::optional<WalRecord>> WalReader::next() {
  if (failed_) return fail(damaged("it was damaged before"));
  while (true) {
    const auto done = step();
    failed_ = !done;
    if (!done) return fail(done.error());
    if (*done == Step::Record) return record_;
    if (*done == Step::NeedsMore) return std::nullopt;
  }
}

Result<WalReader::Step> WalReader::step() {
  if (skip_until_ > at_) {
    consume(std::min(available().size(), skip_until_.value - at_.value));
    return skip_until_ > at_ ? Step::NeedsMore : Step::GoOn;
  }
  if (at_.value % kWalPageBytes == 0) {
    TRY(entered, enter_page());
    if (entered == Step::NeedsMore) return entered;
  }
  if (to_skip_ > 0) return skip();
  return total_ > 0 ? gather() : begin_record();
}

Result<WalReader::Step> WalReader::enter_page() {
  const bool first_of_segment = at_.value % format_.segment_bytes == 0;
  const auto bytes = first_of_segment ? kWalLongHeaderBytes : kWalShortHeaderBytes;
  if (available().size() < bytes) return Step::NeedsMore;
  ByteReader header(available().first(bytes));
  const auto magic = header.read<std::uint16_t>();
  const auto flags = header.read<std::uint16_t>();
  header.skip(sizeof(std::uint32_t));  // the timeline: a switch shows in the file's name
  const Lsn address(header.read<std::uint64_t>());
  const auto rest = header.read<std::uint32_t>();
  if (magic == 0) {
    at_end_ = true;
    return Step::NeedsMore;
  }
  if (magic != wal_magic_of(format_.major))
    return fail(damaged(fmt::format("page magic {:04X} is not that of {}", magic, format_.major)));
  if (address != at_) return fail(damaged("the page belongs to " + to_string(address)));
  if (((flags & kLongHeader) != 0) != first_of_segment)
    return fail(damaged("the page's header has the wrong length"));
  TRY_VOID(meet_page(flags, rest));
  consume(bytes);
  return Step::GoOn;
}

// Whether what the page begins with is what the page before left open.
Result<void> WalReader::meet_page(std::uint16_t flags, std::uint32_t rest) {
  if ((flags & kRestIsGivenUp) != 0) {
    total_ = 0;
    to_skip_ = 0;
    last_start_ = Lsn();
    return {};
  }
  const bool begins_with_rest = (flags & kBeginsWithRest) != 0;
  if (total_ > 0) {
    const bool fits = begins_with_rest && rest == total_ - parts_.size();
    return fits ? Result<void>() : fail(damaged("the page does not continue the record before it"));
  }
  if (to_skip_ > 0) {
    const bool fits = begins_with_rest && aligned(rest) == to_skip_;
    return fits ? Result<void>() : fail(damaged("the page does not continue the record before it"));
  }
  if (begins_with_rest && last_start_.valid())
    return fail(damaged("the page continues a record that has ended"));
  if (begins_with_rest) to_skip_ = aligned(rest);
  return {};
}

WalReader::Step WalReader::skip() {
  const auto bytes = std::min<std::uint64_t>({to_skip_, left_in_page(), available().size()});
  consume(bytes);
  to_skip_ -= bytes;
  return bytes == 0 ? Step::NeedsMore : Step::GoOn;
}

Result<WalReader::Step> WalReader::begin_record() {
  if (at_.value % kAlignment != 0) return fail(damaged("no record begins here"));
  if (available().size() < kAlignment) return Step::NeedsMore;
  const auto total = number_at<std::uint32_t>(available(), 0);
  at_end_ = total == 0;
  if (at_end_) return Step::NeedsMore;
  if (total < kWalRecordHeaderBytes || total > kWalRecordBytesMax)
    return fail(damaged(fmt::format("a record of {} bytes", total)));
  record_start_ = at_;
  if (total > left_in_page()) {
    total_ = total;
    parts_.clear();
    return gather();
  }
  if (available().size() < total) return Step::NeedsMore;
  const auto record = available().first(total);
  consume(total);
  return finish(record);
}

Result<WalReader::Step> WalReader::gather() {
  const auto bytes =
      std::min<std::size_t>({total_ - parts_.size(), left_in_page(), available().size()});
  const auto part = available().first(bytes);
  parts_.insert(parts_.end(), part.begin(), part.end());
  consume(bytes);
  if (parts_.size() < total_) return bytes == 0 ? Step::NeedsMore : Step::GoOn;
  total_ = 0;
  return finish(parts_);
}

Result<WalReader::Step> WalReader::finish(ByteSpan record) {
  const Lsn previous(number_at<std::uint64_t>(record, 8));
  if (last_start_.valid() && previous != last_start_)
    return fail(damaged("the record does not follow the one before it"));
  if (!crc_matches(record)) return fail(damaged("a record's checksum is wrong"));
  const Lsn end(aligned(at_.value));
  to_skip_ = end.value - at_.value;
  last_start_ = record_start_;
  record_ = {.start = record_start_,
             .end = end,
             .xid = ShortXid(number_at<std::uint32_t>(record, 4)),
             .rmgr = Rmgr(number_at<std::uint8_t>(record, 17)),
             .info = number_at<std::uint8_t>(record, 16),
             .body = record.subspan(kWalRecordHeaderBytes)};
  if (record_.rmgr == Rmgr::Xlog && record_.operation() == kSwitch) {
    const auto segment = format_.segment_bytes;
    skip_until_ = Lsn((end.value + segment - 1) / segment * segment);
    to_skip_ = 0;
    record_.end = skip_until_;
  }
  return Step::Record;
}

}  // namespace pgkeel::pg
