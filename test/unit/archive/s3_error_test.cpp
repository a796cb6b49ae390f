// What S3's refusals become: the code, the sentence, the hint; and which troubles are tried again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/storage/s3_client.hpp"

namespace pgkeel::archive {
namespace {

using testing::HasSubstr;

S3Reply answer(int status, std::string code = "", std::string region = "") {
  S3Reply reply;
  reply.status = status;
  reply.problem = {.code = std::move(code), .message = "said so", .region = std::move(region)};
  return reply;
}

class S3ErrorTest : public testing::Test {
 protected:
  [[nodiscard]] static S3Address address() {
    StoreAddress wanted;
    wanted.where = "s3://shop";
    wanted.endpoint = "https://s3.example.org";
    wanted.access_key = "access";
    wanted.secret_key = "hush";
    return *parse_s3_address(wanted);
  }
  const S3Client client_{address(), {}};
};

TEST_F(S3ErrorTest, WhatPassesByItself) {
  // Goal: overload and cut requests are tried again; refusals never.
  for (const int status : {408, 429, 500, 502, 503, 504}) EXPECT_TRUE(is_passing(answer(status)));
  for (const auto* code : {"SlowDown", "RequestTimeout", "BadDigest", "ConditionalRequestConflict"})
    EXPECT_TRUE(is_passing(answer(400, code))) << code;
  for (const int status : {200, 206, 301, 400, 403, 404, 412, 416, 501, 507})
    EXPECT_FALSE(is_passing(answer(status))) << status;
  EXPECT_TRUE(is_passing(Error(ErrorCode::TimedOut, "")));
  EXPECT_FALSE(is_passing(Error(ErrorCode::Cancelled, "")));
  EXPECT_FALSE(is_passing(Error(ErrorCode::ConfigBadValue, "")));
}

TEST_F(S3ErrorTest, EachSaysWhatToDo) {
  // Goal: wrong key, wrong secret, missing rights, missing bucket are told apart.
  const auto error = client_.error_of(answer(403, "SignatureDoesNotMatch"), "write a");
  EXPECT_EQ(error.code, ErrorCode::AuthFailed);
  EXPECT_EQ(
      error.detail,
      "write a in s3://shop at https://s3.example.org: HTTP 403 SignatureDoesNotMatch: said so");
  EXPECT_THAT(std::string(error.hint()), HasSubstr("secret key"));
  EXPECT_EQ(client_.error_of(answer(403, "InvalidAccessKeyId"), "x").code, ErrorCode::AuthFailed);
  EXPECT_EQ(client_.error_of(answer(403, "AccessDenied"), "x").code, ErrorCode::Permission);
  EXPECT_THAT(std::string(client_.error_of(answer(403), "x").hint()), HasSubstr("s3:PutObject"));
  EXPECT_EQ(client_.error_of(answer(404, "NoSuchBucket"), "x").code, ErrorCode::NotFound);
  EXPECT_EQ(client_.error_of(answer(412), "x").code, ErrorCode::Refused);
  EXPECT_EQ(client_.error_of(answer(507), "x").code, ErrorCode::DiskFull);
  EXPECT_EQ(client_.error_of(answer(400, "InvalidRequest"), "x").code, ErrorCode::Http);
}

TEST_F(S3ErrorTest, ARegionIsNamed) {
  // Goal: both ways in which S3 says that the bucket is elsewhere.
  auto error = client_.error_of(answer(400, "AuthorizationHeaderMalformed", "eu-west-3"), "x");
  EXPECT_EQ(error.code, ErrorCode::ConfigBadValue);
  EXPECT_THAT(std::string(error.hint()), HasSubstr("eu-west-3"));
  auto moved = answer(301);
  moved.headers["x-amz-bucket-region"] = "eu-west-3";
  EXPECT_THAT(client_.error_of(moved, "x").detail, HasSubstr("eu-west-3, not us-east-1"));
}

TEST_F(S3ErrorTest, AClockIsNamed) {
  // Goal: a wrong clock is not taken for a wrong key.
  auto skewed = answer(403, "RequestTimeTooSkewed");
  skewed.headers["date"] = "Sat, 21 Nov 2015 10:04:05 GMT";
  const auto error = client_.error_of(skewed, "x");
  EXPECT_EQ(error.code, ErrorCode::AuthFailed);
  EXPECT_THAT(error.detail, HasSubstr("ahead of the store's"));
  EXPECT_THAT(std::string(error.hint()), HasSubstr("clock"));
}

}  // namespace
}  // namespace pgkeel::archive
