// Request targets: decoding, encoding, and what is refused.
#include "runtime/http_target.hpp"

#include <gtest/gtest.h>

namespace pgkeel::runtime::detail {
namespace {

HttpRequest parsed(std::string_view target) {
  HttpRequest request;
  EXPECT_TRUE(parse_target(target, request)) << target;
  return request;
}

TEST(HttpTarget, SplitsPathAndQuery) {
  // Goal: path and query are decoded; a key without a value has an empty one.
  const auto request = parsed("/a%20b/c+d?x=1%262&verbose&y=a+b&&z=#part");
  EXPECT_EQ(request.path, "/a b/c+d");
  const std::map<std::string, std::string> expected{
      {"verbose", ""}, {"x", "1&2"}, {"y", "a b"}, {"z", ""}};
  EXPECT_EQ(request.query, expected);
}

TEST(HttpTarget, AcceptsTheAbsoluteForm) {
  // Goal: what a proxy sends is understood.
  EXPECT_EQ(parsed("http://localhost:8432/readyz?verbose").path, "/readyz");
  EXPECT_EQ(parsed("http://localhost").path, "/");
}

TEST(HttpTarget, RefusesBrokenOnes) {
  // Goal: a broken escape, a hidden NUL, or no path at all is refused.
  for (const std::string_view target :
       {"", "x", "*", "/%", "/%2", "/%zz", "/%+1", "/%00", "/a?x=%", "/a?%00=1"}) {
    HttpRequest request;
    EXPECT_FALSE(parse_target(target, request)) << target;
  }
}

TEST(HttpTarget, WritesWhatItReads) {
  // Goal: any path and query survive the way out and in.
  HttpRequest request;
  request.path = "/a b%/\xC3\xA9?#";
  request.query = {{"k &=", "v+ %"}, {"empty", ""}, {"", ""}};
  const auto again = parsed(write_target(request));
  EXPECT_EQ(again.path, request.path);
  EXPECT_EQ(again.query, request.query);
  EXPECT_EQ(write_target(HttpRequest{}), "/");
}

}  // namespace
}  // namespace pgkeel::runtime::detail
