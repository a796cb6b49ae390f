// See s3_writer.hpp.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
#include "archive/storage/s3_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace pgkeel::archive {
namespace {

constexpr std::size_t kPartsMax = 10'000;  // S3's
// Below this a part's memory grows with what is written; above it all of it is taken at once, since
// growing would double it.
constexpr std::size_t kSmallBytes = 1U << 20U;
constexpr std::size_t kHexMd5 = 32;

std::string without_quotes(std::string etag) {
  std::erase(etag, '"');
  return etag;
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '<') result += "&lt;";
    else if (c == '&') result += "&amp;";
    else result += c;
  }
  return result;
}

// With keys of its own (KMS, SSE-C) the store's ETag is no MD5 of what it was sent.
bool has_md5_etag(const S3Reply& reply) {
  const auto encryption = reply.header("x-amz-server-side-encryption");
  return (encryption.empty() || encryption == "AES256") &&
         reply.header("x-amz-server-side-encryption-customer-algorithm").empty() &&
         without_quotes(reply.header("etag")).size() == kHexMd5;
}

// The MD5 of the parts' MD5s and their number, as all stores make it that follow Amazon. Elsewhere
// it equals nothing, which is the safe side.
std::string etag_of_parts(const std::vector<std::string>& etags) {
  std::string digests;
  for (const auto& etag : etags) {
    const auto hex = without_quotes(etag);
    for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
      unsigned char byte = 0;
      std::from_chars(hex.data() + at, hex.data() + at + 2, byte, 16);
      digests += static_cast<char>(byte);
    }
  }
  return fmt::format("{}-{}", md5_hex(std::as_bytes(std::span(digests))), etags.size());
}

}  // namespace

S3Writer::~S3Writer() {
  if (upload_id_.empty()) return;
  // One try, since nobody waits for it; Store::abandoned() finds what it leaves.
  S3Reply ignored;
  const auto aborted = client_.try_once(
      {.method = "DELETE", .key = key_, .query = {{"uploadId", upload_id_}}}, ignored);
  static_cast<void>(aborted);
}

std::unexpected<Error> S3Writer::other_bytes(std::string_view object) const {
  return fail(ErrorCode::Http, fmt::format("{} arrived in {} with other bytes than were sent",
                                           object, client_.address().describe()));
}

std::string S3Writer::what(std::string_view verb) const { return fmt::format("{} {}", verb, key_); }

Result<void> S3Writer::write(ByteSpan bytes) {
  while (!bytes.empty()) {
    if (part_.size() == kS3PartBytes) TRY_VOID(send_part());
    const auto some = bytes.first(std::min(bytes.size(), kS3PartBytes - part_.size()));
    if (part_.size() + some.size() > kSmallBytes) part_.reserve(kS3PartBytes);
    part_.insert(part_.end(), some.begin(), some.end());
    bytes = bytes.subspan(some.size());
  }
  return {};
}

Result<void> S3Writer::begin_upload() {
  TRY(reply, client_.send({.method = "POST", .key = key_, .query = {{"uploads", ""}}}));
  if (!reply.ok()) return fail(client_.error_of(reply, what("begin an upload of")));
  TRY(id, parse_s3_upload_id(reply.body));
  upload_id_ = std::move(id);
  return {};
}

Result<void> S3Writer::send_part() {
  if (upload_id_.empty()) TRY_VOID(begin_upload());
  if (etags_.size() >= kPartsMax) {
    return fail(ErrorCode::NotSupported,
                fmt::format("{} is larger than an object in S3 can be in parts of {}", key_,
                            format_size(kS3PartBytes)));
  }
  const auto number = fmt::to_string(etags_.size() + 1);
  TRY(reply, client_.send({.method = "PUT",
                           .key = key_,
                           .query = {{"partNumber", number}, {"uploadId", upload_id_}},
                           .body = part_}));
  if (!reply.ok())
    return fail(client_.error_of(reply, what(fmt::format("send part {} of", number))));
  auto etag = reply.header("etag");
  if (etag.empty() || (has_md5_etag(reply) && without_quotes(etag) != md5_hex(part_)))
    return other_bytes(fmt::format("part {} of {}", number, key_));
  etags_.push_back(std::move(etag));
  sent_bytes_ += part_.size();
  part_.clear();
  return {};
}

Result<void> S3Writer::commit() {
  if (committed_) return fail(ErrorCode::WrongState, fmt::format("{} was committed before", key_));
  TRY_VOID(upload_id_.empty() ? put_whole() : complete_upload());
  committed_ = true;
  return {};
}

Result<void> S3Writer::put_whole() {
  whole_etag_ = md5_hex(part_);
  sent_bytes_ = part_.size();
  TRY(reply, send_visible({.method = "PUT", .key = key_, .body = part_}));
  if (reply.status == 412) return check_visible(true);
  if (!reply.ok()) return fail(client_.error_of(reply, what("write")));
  if (!has_md5_etag(reply)) return check_visible(false);
  if (without_quotes(reply.header("etag")) == whole_etag_) return {};
  return other_bytes(key_);
}

Result<void> S3Writer::complete_upload() {
  if (!part_.empty()) TRY_VOID(send_part());
  const auto xml = parts_xml();
  whole_etag_ = etag_of_parts(etags_);
  TRY(reply, send_visible({.method = "POST",
                           .key = key_,
                           .query = {{"uploadId", upload_id_}},
                           .body = std::as_bytes(std::span(xml)),
                           .connection = runtime::WebCall::Connection::Fresh}));
  // The first try may have completed it without our hearing of it.
  const bool gone = reply.status == 404 && reply.doubtful;
  if (!reply.ok() && !gone && reply.status != 412)
    return fail(client_.error_of(reply, what("complete the upload of")));
  TRY_VOID(check_visible(reply.status == 412));
  upload_id_.clear();
  return {};
}

std::string S3Writer::parts_xml() const {
  std::string xml = "<CompleteMultipartUpload>";
  for (std::size_t i = 0; i < etags_.size(); ++i)
    xml += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", i + 1,
                       escaped(etags_[i]));
  return xml + "</CompleteMultipartUpload>";
}

// The request that makes the object appear. Stores that know no condition either say so, and are
// asked whether it is there instead, or do not look at it.
Result<S3Reply> S3Writer::send_visible(S3Request request) {
  if (replace_ == Replace::Always) return client_.send(request);
  if (client_.is_conditional()) {
    auto conditional = request;
    conditional.headers.emplace_back("if-none-match", "*");
    auto reply = client_.send(conditional);
    if (!reply || reply->status != 501) return reply;
    client_.set_unconditional();
  }
  TRY(present, client_.send({.method = "HEAD", .key = key_}));
  if (present.status == 404) return client_.send(request);
  if (present.ok()) present.status = 412;
  return std::move(present);
}

// What is there now is either what was sent, or somebody else's.
Result<void> S3Writer::check_visible(bool refused) {
  TRY(reply, client_.send({.method = "HEAD", .key = key_}));
  if (!reply.ok()) return fail(client_.error_of(reply, what("look for")));
  const auto there = reply.header("content-length");
  const bool same_length = there == fmt::to_string(sent_bytes_);
  const bool same = same_length && without_quotes(reply.header("etag")) == whole_etag_;
  if (refused && !same) {
    return fail(ErrorCode::Refused, fmt::format("{} exists already in {} and is not replaced", key_,
                                                client_.address().describe()));
  }
  if (same_length) return {};
  return fail(ErrorCode::Http, fmt::format("{} has {} bytes in {} instead of {}", key_, there,
                                           client_.address().describe(), sent_bytes_));
}

}  // namespace pgkeel::archive
