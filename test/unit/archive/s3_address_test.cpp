// Where a bucket is: the two styles of addresses, and what is no address.
#include "archive/storage/s3_address.hpp"

#include <gtest/gtest.h>

namespace pgkeel::archive {
namespace {

StoreAddress address(std::string where, std::string endpoint = "") {
  StoreAddress result;
  result.where = std::move(where);
  result.endpoint = std::move(endpoint);
  result.access_key = "access";
  result.secret_key = "secret";
  return result;
}

TEST(S3Address, PathStyle) {
  // Goal: bucket and key in the path, the key encoded; the scheme's own port is not signed.
  const auto s3 = *parse_s3_address(address("s3://shop/prod/db", "https://s3.example.org:443/"));
  EXPECT_EQ(s3.host_header(), "s3.example.org");
  EXPECT_EQ(s3.prefix, "prod/db/");
  EXPECT_EQ(s3.path("prod/db/a+b"), "/shop/prod/db/a%2Bb");
  EXPECT_EQ(s3.path(""), "/shop");
  EXPECT_EQ(s3.url(s3.path("k"), "a=1"), "https://s3.example.org/shop/k?a=1");
  EXPECT_EQ(s3.describe(), "s3://shop/prod/db at https://s3.example.org");
}

TEST(S3Address, VirtualHostStyle) {
  // Goal: the bucket in the host, the default endpoint from the region.
  auto wanted = address("s3://shop");
  wanted.region = "eu-central-1";
  const auto s3 = *parse_s3_address(wanted);
  EXPECT_EQ(s3.host_header(), "shop.s3.eu-central-1.amazonaws.com");
  EXPECT_EQ(s3.path("a/b"), "/a/b");
  EXPECT_EQ(s3.path(""), "/");
  EXPECT_EQ(s3.prefix, "");
  wanted.where = "s3://my.shop";
  EXPECT_EQ(parse_s3_address(wanted)->path("a"), "/my.shop/a");
}

TEST(S3Address, AnEndpointThatBeginsWithTheBucket) {
  // Goal: the style needs no setting of its own; a forced one is obeyed.
  auto wanted = address("s3://shop", "https://shop.s3.example.org");
  const auto s3 = *parse_s3_address(wanted);
  EXPECT_EQ(s3.host_header(), "shop.s3.example.org");
  EXPECT_EQ(s3.path("a"), "/a");
  EXPECT_EQ(s3.describe(), "s3://shop at https://s3.example.org");
  wanted.style = StoreAddress::Style::Path;
  EXPECT_EQ(parse_s3_address(wanted)->url("/shop/a", ""), "https://shop.s3.example.org/shop/a");
}

TEST(S3Address, WhatIsNone) {
  // Goal: a mistake in the configuration is named, and no secret is in the message.
  for (const auto& wrong :
       {address("s3://"), address("s3://x"), address("s3://sh op"), address("s3://shop/../x"),
        address("s3://shop/a//b"), address("s3://shop", "s3.example.org"),
        address("s3://shop", "ftp://s3.example.org"), address("s3://shop", "https://a/b"),
        address("s3://shop", "https://user:pw@a"), address("gs://shop")}) {
    const auto s3 = parse_s3_address(wrong);
    ASSERT_FALSE(s3) << wrong.where << " " << wrong.endpoint;
    EXPECT_EQ(s3.error().code, ErrorCode::ConfigBadValue);
    EXPECT_FALSE(s3.error().message().contains("secret"));
  }
  auto no_key = address("s3://shop");
  no_key.secret_key.clear();
  EXPECT_FALSE(parse_s3_address(no_key));
}

}  // namespace
}  // namespace pgkeel::archive
