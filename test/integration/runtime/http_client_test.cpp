// The HTTP client against peers that are absent, silent, rude or endless.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/runtime/raw_peer.hpp"
#include "runtime/http.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::runtime {
namespace {

using testing::HasSubstr;

// Listens, and answers the one connection it takes with fixed bytes.
class RawServer {
 public:
  RawServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    auto address = loopback(0);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), generic, sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    EXPECT_EQ(::getsockname(listener_.get(), generic, &size), 0);
    port_ = ntohs(address.sin_port);
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int fd() const { return listener_.get(); }

 private:
  Fd listener_;
  std::uint16_t port_ = 0;
};

enum class Then { Close, StayOpen };

Task<void> answer(Loop* loop, const RawServer* server, std::string bytes, Then then) {
  static_cast<void>(co_await loop->wait_readable(server->fd(), kNever));
  const Fd fd(::accept4(server->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  static_cast<void>(co_await loop->wait_readable(fd.get(), kNever));
  std::array<char, 4096> request{};
  static_cast<void>(::recv(fd.get(), request.data(), request.size(), 0));
  EXPECT_TRUE(bytes.empty() || send_raw(fd, bytes));
  if (then == Then::StayOpen) static_cast<void>(co_await loop->sleep_until(kNever));
}

Result<HttpResponse> ask(std::string bytes, Then then, Millis limit = test::kPatience) {
  RawServer server;
  Loop loop;
  loop.spawn(answer(&loop, &server, std::move(bytes), then));
  return loop.run_until_complete(
      http_request(loop, {.unix_socket = {}, .host = "127.0.0.1", .port = server.port()}, {},
                   loop.after(limit)));
}

TEST(HttpClient, ReadsAnyHonestEnd) {
  // Goal: a body by length, by chunks and by end-of-file; 5xx is an answer, not an error.
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", Then::StayOpen)->body, "hi");
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
                Then::StayOpen)
                ->body,
            "hi");
  EXPECT_EQ(ask("HTTP/1.0 503 no\r\n\r\nto the end", Then::Close)->body, "to the end");
}

TEST(HttpClient, ProtocolTroubleIsHttp) {
  // Goal: a cut answer, no answer and another protocol are Http errors.
  const std::vector<std::string> answers{"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
                                         "HTTP/1.1 200", "SSH-2.0-OpenSSH_9.2\r\n"};
  for (const auto& bytes : answers)
    EXPECT_EQ(ask(bytes, Then::Close).error().code, ErrorCode::Http) << bytes;
}

TEST(HttpClient, ASilentPeerTimesOut) {
  // Goal: the deadline holds for a peer that takes the request and says nothing, or only half.
  EXPECT_EQ(ask("", Then::StayOpen, Millis(50)).error().code, ErrorCode::TimedOut);
  EXPECT_EQ(ask("HTTP/1.1 200 OK\r\n", Then::StayOpen, Millis(50)).error().code,
            ErrorCode::TimedOut);
}

TEST(HttpClient, NobodyThereIsConnectionFailed) {
  // Goal: a free port and a missing socket say where nobody listens.
  Loop loop;
  const auto port = test::free_port();
  const auto refused = loop.run_until_complete(http_request(
      loop, {.unix_socket = {}, .host = "127.0.0.1", .port = port}, {}, loop.after(Seconds(5))));
  EXPECT_EQ(refused.error().code, ErrorCode::ConnectionFailed);
  EXPECT_THAT(refused.error().detail, HasSubstr("127.0.0.1:" + std::to_string(port)));
  const test::TempDir dir;
  const auto absent = loop.run_until_complete(http_request(
      loop, {.unix_socket = dir / "s", .host = {}, .port = 0}, {}, loop.after(Seconds(5))));
  EXPECT_EQ(absent.error().code, ErrorCode::ConnectionFailed);
}

TEST(HttpClient, FindsHostsByName) {
  // Goal: a name is looked up on the blocking pool, and every address is tried.
  RawServer server;
  Loop loop;
  loop.spawn(answer(&loop, &server, "HTTP/1.1 204 No Content\r\n\r\n", Then::Close));
  const auto response = loop.run_until_complete(
      http_request(loop, {.unix_socket = {}, .host = "localhost", .port = server.port()}, {},
                   loop.after(test::kPatience)));
  EXPECT_EQ(response->status, 204);
}

}  // namespace
}  // namespace pgkeel::runtime
