// Where a bucket is and how its objects are addressed: "https://host/bucket/key" (path style) or
// "https://bucket.host/key" (virtual-host style). Pure.
#pragma once

#include <string>
#include <string_view>

#include "archive/storage/open.hpp"
#include "archive/storage/sigv4.hpp"
#include "base/result.hpp"

namespace pgkeel::archive {

struct S3Address {
  std::string scheme;  ///< "https"
  std::string host;    ///< with a port that is not the scheme's own: "s3.example.org:9000"
  std::string bucket;
  std::string prefix;                                     ///< of every key: "" or "shop/prod/"
  StoreAddress::Style style = StoreAddress::Style::Path;  ///< never Auto
  SigningKey key;

  /// As in the header Host, and as it is signed.
  [[nodiscard]] std::string host_header() const;
  /// Percent-encoded; `key` is the one in the bucket, "" the bucket itself.
  [[nodiscard]] std::string path(std::string_view object_key) const;
  [[nodiscard]] std::string url(std::string_view path, std::string_view query) const;
  /// "s3://bucket/prefix at https://host".
  [[nodiscard]] std::string describe() const;
};

/// ConfigBadValue.
[[nodiscard]] Result<S3Address> parse_s3_address(const StoreAddress& address);

}  // namespace pgkeel::archive
