// See s3_reader.hpp.
#include "archive/storage/s3_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace pgkeel::archive {
namespace {

// The first range is smaller: most objects are, and many are read only in part.
constexpr std::size_t kFirstRangeBytes = 1U << 20U;
constexpr std::size_t kRangeBytes = 8U << 20U;

struct ContentRange {
  std::uint64_t first = 0;
  std::uint64_t total = 0;
};

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.begin(), text.end(), value);
  if (read.ec != std::errc() || read.ptr != text.end()) return std::nullopt;
  return value;
}

// "bytes 0-1048575/4194304", "bytes */4194304"
std::optional<ContentRange> parse_content_range(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto total = number(text.substr(slash + 1));
  const auto first = text.starts_with('*') ? 0 : number(text.substr(0, text.find('-')));
  if (!total || !first) return std::nullopt;
  return ContentRange{.first = *first, .total = *total};
}

}  // namespace

Result<std::unique_ptr<ObjectReader>> S3Reader::open(S3Client& client, const std::string& key,
                                                     std::uint64_t offset) {
  std::unique_ptr<S3Reader> reader(new S3Reader(client, key, offset));
  reader->range_bytes_ = kFirstRangeBytes;
  TRY_VOID(reader->fetch());
  reader->range_bytes_ = kRangeBytes;
  return reader;
}

std::string S3Reader::what() const { return fmt::format("read {}", key_); }

std::unexpected<Error> S3Reader::malformed(std::string_view detail) const {
  return fail(ErrorCode::Malformed,
              fmt::format("{} in {} {}", key_, client_.address().describe(), detail));
}

Result<std::size_t> S3Reader::read(std::span<std::byte> into) {
  if (into.empty()) return 0;
  if (taken_ == reply_.body.size()) {
    if (next_ >= total_) return 0;
    TRY_VOID(fetch());
  }
  const auto count = std::min(into.size(), reply_.body.size() - taken_);
  std::memcpy(into.data(), reply_.body.data() + taken_, count);
  taken_ += count;
  return count;
}

S3Request S3Reader::range_request() const {
  S3Request request{.key = key_};
  request.headers.emplace_back("range",
                               fmt::format("bytes={}-{}", next_, next_ + range_bytes_ - 1));
  if (!etag_.empty()) request.headers.emplace_back("if-match", etag_);
  request.answer_bytes_max = range_bytes_;
  return request;
}

// Ends with at least one byte received, at the object's end, or with an error. A try that was cut
// after some bytes counts as a success: the next one goes on behind them.
Result<void> S3Reader::fetch() {
  S3Retry retry(client_.options());
  while (true) {
    taken_ = 0;
    auto sent = client_.try_once(range_request(), reply_);
    const bool cut = !sent && reply_.status == 206 && !reply_.body.empty();
    if (cut && is_passing(sent.error())) return take_range();
    if (sent && !is_passing(reply_)) break;
    reply_.body.clear();
    if (!sent && !is_passing(sent.error())) return fail(std::move(sent).error());
    if (retry.wait(Millis(0))) continue;
    if (!sent) return fail(std::move(sent).error().with_context(what()));
    return fail(client_.error_of(reply_, what()));
  }
  if (reply_.status == 206) return take_range();
  if (reply_.status == 200) return take_whole();
  if (reply_.status == 416) return take_unsatisfiable();
  const auto error = client_.error_of(reply_, what());
  reply_.body.clear();
  if (reply_.status == 412) return malformed("was replaced while it was read");
  return fail(error);
}

Result<void> S3Reader::take_range() {
  const auto range = parse_content_range(reply_.header("content-range"));
  if (!range || range->first != next_ || (total_known_ && range->total != total_))
    return malformed("came with a range that was not asked for");
  total_ = range->total;
  total_known_ = true;
  etag_ = reply_.header("etag");
  next_ += reply_.body.size();
  if (next_ > total_) return malformed("is longer than the store says");
  if (reply_.body.empty() && next_ < total_) return malformed("ends early");
  return {};
}

// A store that knows no ranges sends all of it; that is no help unless all was asked for.
Result<void> S3Reader::take_whole() {
  if (next_ != 0) return malformed("cannot be read in parts: the store knows no ranges");
  next_ = total_ = reply_.body.size();
  total_known_ = true;
  return {};
}

// Nothing is left behind the offset: the true end, or beyond it.
Result<void> S3Reader::take_unsatisfiable() {
  const auto range = parse_content_range(reply_.header("content-range"));
  reply_.body.clear();
  if (range) {
    total_ = range->total;
  } else {
    TRY(head, client_.send({.method = "HEAD", .key = key_}));
    const auto length = number(head.header("content-length"));
    if (!head.ok() || !length) return fail(client_.error_of(head, what()));
    total_ = *length;
  }
  if (total_known_ || next_ > total_)
    return malformed(fmt::format("has {} bytes and was asked for those from {}", total_, next_));
  total_known_ = true;
  return {};
}

}  // namespace pgkeel::archive
