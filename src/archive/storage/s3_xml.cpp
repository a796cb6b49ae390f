// See s3_xml.hpp. Field names:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
#include "archive/storage/s3_xml.hpp"

#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "archive/storage/xml.hpp"

namespace pgkeel::archive {
namespace {

std::unexpected<Error> malformed(std::string_view what) {
  return fail(ErrorCode::Malformed, fmt::format("S3's answer has {}", what));
}

Result<XmlElement> root_named(std::string_view xml, std::string_view name) {
  TRY(root, parse_xml(xml));
  if (root.name != name) return malformed(fmt::format("<{}> instead of <{}>", root.name, name));
  return std::move(root);
}

std::optional<unsigned char> hex_byte(std::string_view digits) {
  unsigned char value = 0;
  const auto read = std::from_chars(digits.begin(), digits.end(), value, 16);
  if (digits.size() != 2 || read.ec != std::errc() || read.ptr != digits.end()) return std::nullopt;
  return value;
}

// A key may hold what XML cannot; S3 then gives it as it would be in a URL's query.
std::string url_decoded(std::string_view text) {
  std::string result;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = text[at] == '%' ? hex_byte(text.substr(at + 1, 2)) : std::nullopt;
    if (byte) at += 2;
    result += byte ? static_cast<char>(*byte) : text[at] == '+' ? ' ' : text[at];
  }
  return result;
}

class Keys {
 public:
  explicit Keys(const XmlElement& root) : encoded_(root.text_of("EncodingType") == "url") {}
  [[nodiscard]] std::string decoded(std::string key) const {
    return encoded_ ? url_decoded(key) : key;
  }

 private:
  bool encoded_;
};

Result<std::uint64_t> parse_number(const std::string& text) {
  std::uint64_t number = 0;
  const auto* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return malformed("a size that is no number");
  return number;
}

Result<S3Object> object_of(const XmlElement& element, const Keys& keys) {
  S3Object object;
  object.key = keys.decoded(element.text_of("Key"));
  if (object.key.empty()) return malformed("an object without key");
  TRY(size, parse_number(element.text_of("Size")));
  TRY(modified, parse_iso8601(element.text_of("LastModified")));
  object.size_bytes = size;
  object.modified_at = modified;
  return object;
}

bool is_truncated(const XmlElement& root) { return root.text_of("IsTruncated") == "true"; }

}  // namespace

S3Problem parse_s3_problem(std::string_view xml) {
  const auto root = parse_xml(xml);
  if (!root || root->name != "Error") return {};
  return {.code = root->text_of("Code"),
          .message = root->text_of("Message"),
          .region = root->text_of("Region")};
}

Result<S3Listing> parse_s3_listing(std::string_view xml) {
  TRY(root, root_named(xml, "ListBucketResult"));
  const Keys keys(root);
  S3Listing listing;
  for (const auto& element : root.children) {
    if (element.name != "Contents") continue;
    TRY(object, object_of(element, keys));
    listing.objects.push_back(std::move(object));
  }
  if (!is_truncated(root)) return listing;
  listing.next_token = root.text_of("NextContinuationToken");
  if (listing.next_token.empty()) return malformed("no word on where the listing goes on");
  return listing;
}

Result<S3Uploads> parse_s3_uploads(std::string_view xml) {
  TRY(root, root_named(xml, "ListMultipartUploadsResult"));
  const Keys keys(root);
  S3Uploads uploads;
  for (const auto& element : root.children) {
    if (element.name != "Upload") continue;
    TRY(initiated, parse_iso8601(element.text_of("Initiated")));
    S3Upload upload{.key = keys.decoded(element.text_of("Key")),
                    .upload_id = element.text_of("UploadId"),
                    .initiated_at = initiated};
    if (upload.key.empty() || upload.upload_id.empty()) return malformed("an upload without id");
    uploads.uploads.push_back(std::move(upload));
  }
  if (!is_truncated(root)) return uploads;
  uploads.next_key = keys.decoded(root.text_of("NextKeyMarker"));
  uploads.next_upload_id = root.text_of("NextUploadIdMarker");
  if (uploads.next_key.empty()) return malformed("no word on where the listing goes on");
  return uploads;
}

Result<std::string> parse_s3_upload_id(std::string_view xml) {
  TRY(root, root_named(xml, "InitiateMultipartUploadResult"));
  auto id = root.text_of("UploadId");
  if (id.empty()) return malformed("no upload id");
  return id;
}

}  // namespace pgkeel::archive
