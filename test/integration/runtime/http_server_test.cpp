// The HTTP server against well-behaved clients, odd ones and hostile ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <fstream>

#include "integration/runtime/raw_peer.hpp"
#include "runtime/http.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::runtime {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

Task<HttpResponse> echo(HttpRequest request) {
  HttpResponse response;
  response.content_type = "text/plain";
  response.body = request.method + " " + request.path + " " + std::to_string(request.body.size());
  response.body += request.via == HttpRequest::Via::Unix ? " unix" : " tcp";
  co_return response;
}

constexpr std::size_t kLargeAnswerBytes = 32U << 20U;  // more than any socket's buffers

Task<HttpResponse> large_answer(HttpRequest) {
  HttpResponse response;
  response.body.assign(kLargeAnswerBytes, 'x');
  co_return response;
}

struct SlowHandler {
  Loop* loop;
  Event* release;
  Task<HttpResponse> operator()(HttpRequest request) const {
    return request.path == "/slow" ? answer_later(release) : echo(std::move(request));
  }
  static Task<HttpResponse> answer_later(Event* release) {
    static_cast<void>(co_await release->wait_until(kNever));
    co_return HttpResponse();
  }
};

HttpEndpoint at_port(std::uint16_t port) {
  return {.unix_socket = {}, .host = "127.0.0.1", .port = port};
}

HttpRequest get(std::string path) {
  HttpRequest request;
  request.path = std::move(path);
  return request;
}

class HttpServerTest : public testing::Test {
 protected:
  Result<HttpResponse> request(HttpEndpoint endpoint, HttpRequest message) {
    return loop.run_until_complete(
        http_request(loop, std::move(endpoint), std::move(message), loop.after(test::kPatience)));
  }
  std::string raw(std::string_view bytes) {
    const auto fd = connect_raw(port);
    EXPECT_TRUE(send_raw(fd, bytes));
    return loop.run_until_complete(receive_all(&loop, &fd));
  }

  Loop loop;
  HttpServer server{loop, echo};
  std::uint16_t port = server.listen_tcp("127.0.0.1", 0).value();
};

TEST_F(HttpServerTest, AnswersOverTcpAndUnix) {
  // Goal: both listeners serve, and the handler knows which one a request came by.
  const test::TempDir dir;
  ASSERT_TRUE(server.listen_unix(dir / "s", 0600));
  EXPECT_EQ(request(at_port(port), get("/a b"))->body, "GET /a b 0 tcp");
  const auto by_unix = request({.unix_socket = dir / "s", .host = {}, .port = 0}, get("/x"));
  ASSERT_TRUE(by_unix.has_value());
  EXPECT_EQ(by_unix->body, "GET /x 0 unix");
  EXPECT_EQ(by_unix->content_type, "text/plain");
}

TEST_F(HttpServerTest, TakesABodyUpToTheLimit) {
  // Goal: the largest body is taken, one byte more is answered with 413 that the client can read.
  HttpRequest large{.method = "POST", .path = "/", .query = {}, .headers = {}, .body = {}};
  large.body.assign(kHttpBodyBytesMax, 'x');
  EXPECT_EQ(request(at_port(port), large)->body, "POST / 1048576 tcp");
  large.body += 'x';
  EXPECT_EQ(request(at_port(port), large)->status, 413);
}

TEST_F(HttpServerTest, KeepsAConnectionAlive) {
  // Goal: several requests, pipelined too, on one connection; "close" ends it.
  const auto all =
      raw("GET /1 HTTP/1.1\r\n\r\nHEAD /2 HTTP/1.1\r\n\r\n"
          "GET /3 HTTP/1.1\r\nConnection: close\r\n\r\nGET /4 HTTP/1.1\r\n\r\n");
  EXPECT_THAT(all, HasSubstr("GET /1 0 tcp"));
  EXPECT_THAT(all, HasSubstr("Content-Length: 12\r\n\r\nHTTP/1.1"));  // HEAD: length, no body
  EXPECT_THAT(all, HasSubstr("GET /3 0 tcp"));
  EXPECT_THAT(all, testing::Not(HasSubstr("/4")));
}

TEST_F(HttpServerTest, AnswersFaultsAndHangsUp) {
  // Goal: malformed requests get their status and the connection ends.
  EXPECT_THAT(raw("\x16\x03\x01\x02\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(raw("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(raw("GET /%00 HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(raw("GET / HTTP/3.0\r\n\r\n"), StartsWith("HTTP/1.1 505 "));
  EXPECT_THAT(raw("GET / HTTP/1.1\r\nX: " + std::string(40'000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, TellsAPeerToContinue) {
  // Goal: a client that asks first gets "100 Continue" and then its answer.
  const auto fd = connect_raw(port);
  ASSERT_TRUE(send_raw(fd,
                       "PUT / HTTP/1.1\r\nExpect: 100-continue\r\nConnection: close\r\n"
                       "Content-Length: 2\r\n\r\n"));
  ASSERT_TRUE(loop.run_until_complete(loop.wait_readable(fd.get(), loop.after(test::kPatience))));
  ASSERT_TRUE(send_raw(fd, "ok"));
  const auto all = loop.run_until_complete(receive_all(&loop, &fd));
  EXPECT_THAT(all, StartsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"));
}

TEST(HttpServer, ASilentPeerIsDropped) {
  // Goal: half a request is answered with 408 after the patience, an idle connection just closed,
  // and one that does not take its answer is cut.
  Loop loop;
  HttpServer server(loop, large_answer, Millis(50));
  const auto port = server.listen_tcp("127.0.0.1", 0).value();
  const auto half = connect_raw(port);
  ASSERT_TRUE(send_raw(half, "GET / HT"));
  const auto idle = connect_raw(port);
  const auto deaf = connect_raw(port);
  ASSERT_TRUE(send_raw(deaf, "GET / HTTP/1.1\r\n\r\n"));
  EXPECT_THAT(loop.run_until_complete(receive_all(&loop, &half)), StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(loop.run_until_complete(receive_all(&loop, &idle)), "");
  EXPECT_TRUE(loop.run_until_complete(loop.sleep_for(Millis(100))));
  EXPECT_LT(loop.run_until_complete(receive_all(&loop, &deaf)).size(), kLargeAnswerBytes);
}

TEST_F(HttpServerTest, TooManyConnectionsAreClosedAtOnce) {
  // Goal: the limit holds, and those inside are still served.
  std::vector<Fd> open;
  for (std::size_t i = 0; i < kHttpConnectionsMax; ++i) open.push_back(connect_raw(port));
  // The last of them is answered only when all before it have been taken in.
  ASSERT_TRUE(send_raw(open.back(), "GET /in HTTP/1.1\r\n\r\n"));
  ASSERT_TRUE(
      loop.run_until_complete(loop.wait_readable(open.back().get(), loop.after(test::kPatience))));
  const auto extra = connect_raw(port);
  EXPECT_EQ(loop.run_until_complete(receive_all(&loop, &extra)), "");
  open.pop_back();
  ASSERT_TRUE(send_raw(open.front(), "GET /in HTTP/1.1\r\nConnection: close\r\n\r\n"));
  EXPECT_THAT(loop.run_until_complete(receive_all(&loop, &open.front())), HasSubstr("/in"));
}

TEST_F(HttpServerTest, ATakenPortIsNamed) {
  // Goal: PortTaken says who has it.
  const auto second = server.listen_tcp("127.0.0.1", port);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::PortTaken);
  EXPECT_THAT(second.error().detail, HasSubstr("integration_run"));
  EXPECT_EQ(server.listen_tcp("no such host", 0).error().code, ErrorCode::ConfigBadValue);
}

TEST(HttpServer, ASlowHandlerBlocksNobody) {
  // Goal: while one handler waits another request is answered; destroying the server ends the rest.
  Loop loop;
  Event release(loop);
  auto server = std::make_unique<HttpServer>(loop, SlowHandler{&loop, &release});
  const auto port = server->listen_tcp("127.0.0.1", 0).value();
  const auto slow = connect_raw(port);
  ASSERT_TRUE(send_raw(slow, "GET /slow HTTP/1.1\r\n\r\n"));
  const auto quick = loop.run_until_complete(
      http_request(loop, at_port(port), get("/quick"), loop.after(test::kPatience)));
  EXPECT_TRUE(quick.has_value());
  server.reset();
  EXPECT_EQ(loop.run_until_complete(receive_all(&loop, &slow)), "");
  EXPECT_FALSE(connect_raw(port).valid());
}

TEST(HttpUnixSocket, ADeadSocketIsReplacedALivingOneIsNot) {
  // Goal: a socket left by a killed guard does not stand in the way; a running guard does.
  const test::TempDir dir;
  const auto path = dir / "guard.sock";
  {
    const Fd dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path.native().copy(name.sun_path, sizeof name.sun_path - 1);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(path));
  Loop loop;
  {
    HttpServer server(loop, echo);
    ASSERT_TRUE(server.listen_unix(path, 0660));
    struct stat status{};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0660U);
    HttpServer second(loop, echo);
    EXPECT_EQ(second.listen_unix(path, 0600).error().code, ErrorCode::StateLocked);
  }
  EXPECT_FALSE(std::filesystem::exists(path));  // a clean end takes the name away
}

TEST(HttpUnixSocket, OnlySocketsAreReplaced) {
  // Goal: a file in the place of the socket is refused and kept; too long a path says so.
  const test::TempDir dir;
  std::ofstream(dir / "file") << "precious";
  Loop loop;
  HttpServer server(loop, echo);
  EXPECT_EQ(server.listen_unix(dir / "file", 0600).error().code, ErrorCode::Refused);
  EXPECT_TRUE(std::filesystem::exists(dir / "file"));
  const auto too_long = server.listen_unix(dir / std::string(120, 'x'), 0600);
  EXPECT_EQ(too_long.error().code, ErrorCode::ConfigBadValue);
  EXPECT_THAT(too_long.error().detail, HasSubstr("107"));
}

}  // namespace
}  // namespace pgkeel::runtime
