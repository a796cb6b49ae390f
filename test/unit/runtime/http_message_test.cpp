// HTTP messages from bytes that come in any portions, and back.
#include "runtime/http_message.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeel::runtime::detail {
namespace {

using Received = HttpRequestReader::Received;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kPost =
    "POST /database/cleanup?dry=1 HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nX-A: 2\r\n"
    "Authorization: Bearer t\r\nContent-Length: 5\r\n\r\nhello";

int fault_of(std::string_view bytes) {
  HttpRequestReader reader;
  const auto received = reader.feed(bytes);
  return received ? 0 : received.error().status;
}

TEST(HttpRequestReader, ReadsARequestInAnyPortions) {
  // Goal: the same request comes out whether its bytes arrive at once or one by one.
  for (const std::size_t portion : {kPost.size(), std::size_t{1}, std::size_t{7}}) {
    HttpRequestReader reader;
    std::optional<Received> received;
    for (std::size_t at = 0; at < kPost.size(); at += portion) {
      ASSERT_FALSE(received.has_value());
      auto fed = reader.feed(kPost.substr(at, portion));
      ASSERT_TRUE(fed.has_value());
      received = std::move(*fed);
    }
    ASSERT_TRUE(received.has_value());
    EXPECT_EQ(received->request.method, "POST");
    EXPECT_EQ(received->request.path, "/database/cleanup");
    EXPECT_EQ(received->request.query.at("dry"), "1");
    EXPECT_EQ(received->request.headers.at("authorization"), "Bearer t");
    EXPECT_EQ(received->request.headers.at("x-a"), "1, 2");
    EXPECT_EQ(received->request.body, "hello");
    EXPECT_EQ(received->connection, Received::Connection::KeepAlive);
    EXPECT_FALSE(reader.midway());
  }
}

TEST(HttpRequestReader, KeepsPipelinedRequests) {
  // Goal: a second request in the same bytes comes out next.
  HttpRequestReader reader;
  const auto first =
      reader.feed("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->request.path, "/1");
  EXPECT_TRUE(reader.midway());
  const auto second = reader.feed({});
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->request.path, "/2");
  EXPECT_EQ((*second)->connection, Received::Connection::Close);
}

TEST(HttpRequestReader, HeadIsAGetWithoutABody) {
  // Goal: a handler need not know HEAD.
  HttpRequestReader reader;
  const auto received = reader.feed("HEAD /livez HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(received && *received);
  EXPECT_EQ((*received)->request.method, "GET");
  EXPECT_EQ((*received)->response_body, Received::Body::Omitted);
  EXPECT_EQ((*received)->connection, Received::Connection::Close);
}

TEST(HttpRequestReader, ReadsChunkedBodies) {
  // Goal: a chunked body is put together.
  HttpRequestReader reader;
  const auto received = reader.feed(
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  ASSERT_TRUE(received && *received);
  EXPECT_EQ((*received)->request.body, "abcde");
}

TEST(HttpRequestReader, TellsWhenThePeerWaitsToContinue) {
  // Goal: "Expect: 100-continue" is noticed once, before the body.
  HttpRequestReader reader;
  ASSERT_TRUE(reader.feed("PUT / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n"));
  EXPECT_TRUE(reader.take_continue());
  EXPECT_FALSE(reader.take_continue());
  const auto received = reader.feed("ok");
  ASSERT_TRUE(received && *received);
  EXPECT_EQ((*received)->request.body, "ok");
}

TEST(HttpRequestReader, FaultsHaveTheirStatus) {
  // Goal: malformed, oversize and foreign requests are told apart.
  EXPECT_EQ(fault_of("\x16\x03\x01 not http\r\n\r\n"), 400);
  EXPECT_EQ(fault_of("GET /%zz HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(fault_of("GET / HTTP/2.0\r\n\r\n"), 505);
  EXPECT_EQ(fault_of("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"), 400);
  EXPECT_EQ(fault_of("GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400);
  EXPECT_EQ(fault_of("POST / HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n"), 413);
  EXPECT_EQ(fault_of("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n" +
                     std::string(kHttpBodyBytesMax + 1, 'x')),
            413);
  EXPECT_EQ(fault_of("GET / HTTP/1.1\r\nX: " + std::string(2 * kHttpHeaderBytesMax, 'x')), 431);
}

TEST(WriteResponse, HasLengthTypeAndBody) {
  // Goal: a response carries what it must, and Connection only when it closes.
  const HttpResponse response{
      .status = 503, .content_type = "text/plain", .headers = {{"Retry-After", "1"}}, .body = "no"};
  const auto kept = write_response(response, Received::Connection::KeepAlive, Received::Body::Sent);
  EXPECT_EQ(kept,
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Type: text/plain\r\n"
            "Content-Length: 2\r\n\r\nno");
  const auto head = write_response(response, Received::Connection::Close, Received::Body::Omitted);
  EXPECT_THAT(head, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(head, HasSubstr("Content-Length: 2\r\n"));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
  HttpResponse nothing;
  nothing.status = 204;
  const auto empty = write_response(nothing, Received::Connection::KeepAlive, Received::Body::Sent);
  EXPECT_EQ(empty, "HTTP/1.1 204 No Content\r\n\r\n");
}

TEST(WriteResponse, HeadersCannotBeInjected) {
  // Goal: a line break in a value does not begin another header.
  const HttpResponse response{
      .status = 200, .content_type = "a", .headers = {{"Location", "/x\r\nEvil: 1"}}, .body = ""};
  const auto bytes =
      write_response(response, Received::Connection::KeepAlive, Received::Body::Sent);
  EXPECT_THAT(bytes, Not(HasSubstr("\nEvil")));
}

TEST(WriteRequest, IsReadBackTheSame) {
  // Goal: what our client writes our server understands.
  HttpRequest request{.method = "POST",
                      .path = "/a b",
                      .query = {{"q", "1&2"}},
                      .headers = {{"x-token", "t"}},
                      .body = "body"};
  HttpRequestReader reader;
  const auto received = reader.feed(write_request(request, "localhost"));
  ASSERT_TRUE(received && *received);
  EXPECT_EQ((*received)->request.path, request.path);
  EXPECT_EQ((*received)->request.query, request.query);
  EXPECT_EQ((*received)->request.headers.at("x-token"), "t");
  EXPECT_EQ((*received)->request.body, "body");
  EXPECT_EQ((*received)->connection, Received::Connection::Close);
}

TEST(HttpResponseReader, ReadsAResponse) {
  // Goal: status, type, headers and body; interim responses are skipped.
  HttpResponseReader reader(true);
  EXPECT_FALSE(*reader.feed("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 404 Not"));
  const auto response =
      reader.feed(" Found\r\nContent-Type: text/plain\r\nX-A: b\r\nContent-Length: 4\r\n\r\nnone");
  ASSERT_TRUE(response && *response);
  EXPECT_EQ((*response)->status, 404);
  EXPECT_EQ((*response)->content_type, "text/plain");
  EXPECT_THAT((*response)->headers, testing::Contains(testing::Pair("x-a", "b")));
  EXPECT_EQ((*response)->body, "none");
}

TEST(HttpResponseReader, ABodyMayEndWithTheConnection) {
  // Goal: a body without a length ends at end-of-file; a cut one is an error.
  HttpResponseReader open_ended(true);
  ASSERT_TRUE(open_ended.feed("HTTP/1.0 200 OK\r\n\r\nall of it"));
  EXPECT_EQ(open_ended.finish()->body, "all of it");
  HttpResponseReader cut(true);
  ASSERT_TRUE(cut.feed("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"));
  EXPECT_EQ(cut.finish().error().code, ErrorCode::Http);
  HttpResponseReader silent(true);
  EXPECT_EQ(silent.finish().error().code, ErrorCode::Http);
}

TEST(HttpResponseReader, AHeadHasNoBody) {
  // Goal: the length of a HEAD's answer is not waited for.
  HttpResponseReader reader(false);
  const auto response = reader.feed("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
  ASSERT_TRUE(response && *response);
  EXPECT_EQ((*response)->body, "");
}

TEST(HttpResponseReader, RefusesWhatIsNone) {
  // Goal: another protocol on the port is an error of code Http.
  HttpResponseReader reader(true);
  EXPECT_EQ(reader.feed("SSH-2.0-OpenSSH_9.2\r\n").error().code, ErrorCode::Http);
}

}  // namespace
}  // namespace pgkeel::runtime::detail
