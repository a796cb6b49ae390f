// What S3 says in XML: listings, uploads, errors. Pure, for bytes from outside: depth and text are
// bounded, a document type (and with it every entity but the five of XML) is refused.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"

namespace pgkeel::archive {

/// <Error>, whatever the status.
struct S3Problem {
  std::string code;  ///< "NoSuchKey"; empty when the answer is no such document
  std::string message;
  std::string region;  ///< the bucket's, where the error is that we asked another
};
[[nodiscard]] S3Problem parse_s3_problem(std::string_view xml);

struct S3Object {
  std::string key;
  std::uint64_t size_bytes = 0;
  WallTime modified_at;
};
struct S3Listing {
  std::vector<S3Object> objects;
  std::string next_token;  ///< empty: this was the last page
};
/// ListObjectsV2. Malformed.
[[nodiscard]] Result<S3Listing> parse_s3_listing(std::string_view xml);

struct S3Upload {
  std::string key;
  std::string upload_id;
  WallTime initiated_at;
};
struct S3Uploads {
  std::vector<S3Upload> uploads;
  std::string next_key;  ///< both empty: this was the last page
  std::string next_upload_id;
};
/// ListMultipartUploads. Malformed.
[[nodiscard]] Result<S3Uploads> parse_s3_uploads(std::string_view xml);

/// CreateMultipartUpload. Malformed.
[[nodiscard]] Result<std::string> parse_s3_upload_id(std::string_view xml);

}  // namespace pgkeel::archive
