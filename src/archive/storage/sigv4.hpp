// AWS Signature Version 4: how a request to S3 proves who sends it and that nobody changed it on
// the way. Pure: the time is an argument. The secret is used here and nowhere shown.
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace pgkeel::archive {

struct SigningKey {
  std::string access_key;
  std::string secret_key;
  std::string region;
  std::string service = "s3";
};

using NameValues = std::vector<std::pair<std::string, std::string>>;

/// What is signed. Every header given is; "host" and "x-amz-date" have to be among them.
struct SignedRequest {
  std::string method;
  std::string path;         ///< as it is sent: percent-encoded once
  NameValues query;         ///< not encoded
  NameValues headers;       ///< names in lower case
  std::string body_sha256;  ///< hex
};

/// "20130524T000000Z", as in x-amz-date.
[[nodiscard]] std::string amz_date(WallTime time);
/// The value of the header Authorization.
[[nodiscard]] std::string authorization(const SignedRequest& request, const SigningKey& key,
                                        std::string_view date);
/// "a=1&b=x%20y", sorted, as it is signed and sent.
[[nodiscard]] std::string query_text(NameValues query);
/// Everything but letters, digits and -._~ as %XX.
[[nodiscard]] std::string percent_encoded(std::string_view text);
/// The same for a path: "/" stays.
[[nodiscard]] std::string percent_encoded_path(std::string_view path);

[[nodiscard]] std::string md5_base64(ByteSpan bytes);
/// As an ETag has it.
[[nodiscard]] std::string md5_hex(ByteSpan bytes);

}  // namespace pgkeel::archive
