// S3's XML: what is read from it, and what is refused.
#include "archive/storage/s3_xml.hpp"

#include <gtest/gtest.h>

#include "archive/storage/http_date.hpp"
#include "archive/storage/xml.hpp"

namespace pgkeel::archive {
namespace {

TEST(Xml, ElementsTextAndEntities) {
  // Goal: nesting, namespaces, attributes with ">", comments, CDATA, entities of every kind.
  const auto root = parse_xml(
      "<?xml version=\"1.0\"?>\n<!-- <x> --><n:A xmlns:n=\"http://x/>\"><B>a "
      "&lt;&amp;&#65;&#x20AC; b</B>"
      "<B/><C ><![CDATA[<raw>]]></C ></n:A>");
  ASSERT_TRUE(root) << root.error().message();
  EXPECT_EQ(root->name, "A");
  ASSERT_EQ(root->children.size(), 3U);
  EXPECT_EQ(root->text_of("B"), "a <&A\xE2\x82\xAC b");
  EXPECT_EQ(root->text_of("C"), "<raw>");
  EXPECT_EQ(root->child("D"), nullptr);
  EXPECT_EQ(root->text_of("D"), "");
}

TEST(Xml, DamageIsAnError) {
  // Goal: no end, wrong end, no root, stray text, unknown entities, document types: Malformed.
  for (const auto* text : {"",
                           "   ",
                           "text",
                           "<",
                           "<A",
                           "<A>",
                           "<A></B>",
                           "</A>",
                           "<A>&nbsp;</A>",
                           "<A>&#xD800;</A>",
                           "<A>&#x110000;</A>",
                           "<A>&",
                           "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>",
                           "<>",
                           "</>",
                           "<A b=\"",
                           "<A b=<>",
                           "<![CDATA[x]]>",
                           "<A><![CDATA[x</A>",
                           "<?xml",
                           "<!-- "}) {
    const auto root = parse_xml(text);
    ASSERT_FALSE(root) << text;
    EXPECT_EQ(root.error().code, ErrorCode::Malformed) << text;
  }
}

TEST(Xml, DepthIsBounded) {
  // Goal: a document of nothing but starts costs no stack and no memory.
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  EXPECT_FALSE(parse_xml(deep));
}

TEST(S3Xml, AListing) {
  // Goal: keys as they are, also where S3 gives them as in a URL; where the next page begins.
  const auto page = parse_s3_listing(
      "<ListBucketResult><IsTruncated>true</IsTruncated><EncodingType>url</EncodingType>"
      "<NextContinuationToken>1ue/=</NextContinuationToken>"
      "<Contents><Key>wal/a%2Bb+c</Key><LastModified>2026-11-21T10:04:05.123Z</LastModified>"
      "<Size>16777216</Size><ETag>&quot;x&quot;</ETag></Contents></ListBucketResult>");
  ASSERT_TRUE(page) << page.error().message();
  ASSERT_EQ(page->objects.size(), 1U);
  EXPECT_EQ(page->objects[0].key, "wal/a+b c");
  EXPECT_EQ(page->objects[0].size_bytes, 16'777'216U);
  EXPECT_EQ(to_iso8601(page->objects[0].modified_at), "2026-11-21T10:04:05.123Z");
  EXPECT_EQ(page->next_token, "1ue/=");
}

TEST(S3Xml, APageMustSayWhereTheNextBegins) {
  // Goal: a listing never looks complete when it is not.
  EXPECT_FALSE(
      parse_s3_listing("<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"));
  EXPECT_FALSE(parse_s3_listing("<Html/>"));
  EXPECT_FALSE(
      parse_s3_listing("<ListBucketResult><Contents><Key>a</Key><Size>-1</Size>"
                       "<LastModified>2026-11-21T10:04:05Z</LastModified></Contents>"
                       "</ListBucketResult>"));
  EXPECT_TRUE(parse_s3_listing("<ListBucketResult/>")->objects.empty());
}

TEST(S3Xml, UploadsAndErrors) {
  // Goal: unfinished uploads, the id of a new one, and what an error says.
  const auto uploads = parse_s3_uploads(
      "<ListMultipartUploadsResult><Upload><Key>a/b</Key><UploadId>id-1</UploadId>"
      "<Initiated>2026-11-20T10:04:05.000Z</Initiated></Upload>"
      "<IsTruncated>false</IsTruncated></ListMultipartUploadsResult>");
  ASSERT_TRUE(uploads) << uploads.error().message();
  ASSERT_EQ(uploads->uploads.size(), 1U);
  EXPECT_EQ(uploads->uploads[0].upload_id, "id-1");
  EXPECT_EQ(*parse_s3_upload_id("<InitiateMultipartUploadResult><UploadId>u</UploadId>"
                                "</InitiateMultipartUploadResult>"),
            "u");
  EXPECT_FALSE(parse_s3_upload_id("<InitiateMultipartUploadResult/>"));
  const auto problem = parse_s3_problem(
      "<?xml version=\"1.0\"?><Error><Code>SlowDown</Code><Message>Less.</Message></Error>");
  EXPECT_EQ(problem.code, "SlowDown");
  EXPECT_EQ(problem.message, "Less.");
  EXPECT_EQ(parse_s3_problem("<html>502 Bad Gateway").code, "");
}

TEST(HttpDate, TheOneFormInUse) {
  // Goal: the date of an object, and nothing that is none.
  EXPECT_EQ(to_iso8601(*parse_http_date("Sat, 21 Nov 2026 10:04:05 GMT")),
            "2026-11-21T10:04:05.000Z");
  for (const auto* text : {"", "Sat, 21 Nov 2026 10:04:05 CET", "Sat, 31 Feb 2026 10:04:05 GMT",
                           "Sat, 21 Foo 2026 10:04:05 GMT", "Sat, 21 Nov 2026 24:04:05 GMT"})
    EXPECT_FALSE(parse_http_date(text)) << text;
}

}  // namespace
}  // namespace pgkeel::archive
