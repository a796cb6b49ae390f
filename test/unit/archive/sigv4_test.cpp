// Signatures against the vectors Amazon publishes, and the encodings they depend on.
#include "archive/storage/sigv4.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeel::archive {
namespace {

constexpr const char* kNoBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
class S3Vectors : public testing::Test {
 protected:
  static std::string signature(SignedRequest request) {
    request.headers.emplace_back("host", "examplebucket.s3.amazonaws.com");
    request.headers.emplace_back("x-amz-content-sha256", request.body_sha256);
    request.headers.emplace_back("x-amz-date", "20130524T000000Z");
    const SigningKey key{.access_key =
                             "AKIA"
                             "IOSFODNN7EXAMPLE",
                         .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                         .region = "us-east-1"};
    return authorization(request, key, "20130524T000000Z");
  }
};

TEST_F(S3Vectors, GetWithARange) {
  // Goal: the header, whole, as Amazon prints it.
  EXPECT_EQ(signature({.method = "GET",
                       .path = "/test.txt",
                       .query = {},
                       .headers = {{"range", "bytes=0-9"}},
                       .body_sha256 = kNoBody}),
            "AWS4-HMAC-SHA256 Credential=AKIA"
            "IOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST_F(S3Vectors, PutWithACharacterToEncode) {
  // Goal: the path is signed as it is sent, percent-encoded once.
  EXPECT_THAT(
      signature(
          {.method = "PUT",
           .path = percent_encoded_path("/test$file.text"),
           .query = {},
           .headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                       {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
           .body_sha256 = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"}),
      testing::EndsWith("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"));
}

TEST_F(S3Vectors, QueryWithoutValue) {
  // Goal: "?lifecycle" is signed as "lifecycle=".
  EXPECT_THAT(
      signature({.method = "GET",
                 .path = "/",
                 .query = {{"lifecycle", ""}},
                 .headers = {},
                 .body_sha256 = kNoBody}),
      testing::EndsWith("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"));
}

TEST_F(S3Vectors, QueryIsSorted) {
  // Goal: the order in which a query is written does not matter.
  EXPECT_THAT(
      signature({.method = "GET",
                 .path = "/",
                 .query = {{"prefix", "J"}, {"max-keys", "2"}},
                 .headers = {},
                 .body_sha256 = kNoBody}),
      testing::EndsWith("34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"));
}

TEST(Sigv4Suite, OtherServicesAndQueryOrder) {
  // Goal: the general test suite (get-vanilla, get-vanilla-query-order-key-case).
  const SigningKey key{.access_key = "AKIDEXAMPLE",
                       .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                       .region = "us-east-1",
                       .service = "service"};
  SignedRequest request{
      .method = "GET",
      .path = "/",
      .query = {},
      .headers = {{"x-amz-date", "20150830T123600Z"}, {"host", "example.amazonaws.com"}},
      .body_sha256 = kNoBody};
  EXPECT_THAT(
      authorization(request, key, "20150830T123600Z"),
      testing::EndsWith("5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"));
  request.query = {{"Param2", "value2"}, {"Param1", "value1"}};
  EXPECT_THAT(
      authorization(request, key, "20150830T123600Z"),
      testing::EndsWith("b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"));
}

TEST(PercentEncoding, LeavesOnlyWhatNeedsNone) {
  // Goal: a key with every character there may be, and the ones libcurl or S3 would read otherwise.
  EXPECT_EQ(percent_encoded_path("wal/a+b c.zst"), "wal/a%2Bb%20c.zst");
  EXPECT_EQ(percent_encoded("a/b=c&\xC3\xA4~-._"), "a%2Fb%3Dc%26%C3%A4~-._");
  EXPECT_EQ(query_text({{"b", ""}, {"a", "x y"}, {"a", "+"}}), "a=%2B&a=x%20y&b=");
}

TEST(Sigv4, DateAndDigests) {
  // Goal: the form of x-amz-date, the two forms of an MD5 (RFC 1321's test suite).
  EXPECT_EQ(amz_date(*parse_iso8601("2013-05-24T00:00:00.999Z")), "20130524T000000Z");
  const auto abc = std::as_bytes(std::span("abc", 3));
  EXPECT_EQ(md5_hex(abc), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(md5_base64(abc), "kAFQmDzST7DWlj99KOF/cg==");
  EXPECT_EQ(md5_hex({}), "d41d8cd98f00b204e9800998ecf8427e");
}

}  // namespace
}  // namespace pgkeel::archive
