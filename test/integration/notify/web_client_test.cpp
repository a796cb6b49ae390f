// The client for servers elsewhere, against real sockets that misbehave.
#include "runtime/web_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "integration/notify/receiver.hpp"
#include "runtime/process.hpp"
#include "runtime/task_group.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace pgkeel::runtime {
namespace {

using test::http_status;
using testing::HasSubstr;
using testing::Not;

Task<HttpResponse> wait_for_ever(Loop* loop) {
  static_cast<void>(co_await loop->sleep_until(kNever));
  co_return HttpResponse();
}
Task<void> send_and_forget(WebClient* client, std::string url) {
  WebRequest request;
  request.url = std::move(url);
  static_cast<void>(co_await client->send(std::move(request)));
}
Task<void> turn(Loop* loop) { static_cast<void>(co_await loop->sleep_for(Millis(1))); }

class WebClientTest : public testing::Test {
 protected:
  WebClientTest() { server_.open(); }
  Result<WebAnswer> get(std::string url, Millis timeout = kWebTimeout) {
    WebRequest request;
    request.url = std::move(url);
    request.timeout = timeout;
    return loop_.run_until_complete(client_.send(std::move(request)));
  }

  Loop loop_;
  test::Receiver server_{loop_};
  WebClient client_{loop_};
};

TEST_F(WebClientTest, SendsBodyAndHeadersAndReadsTheAnswer) {
  // Goal: what goes out arrives, what comes back is read, header names in lower case.
  auto response = http_status(503, "no");
  response.headers = {{"Retry-After", "9"}};
  server_.trouble = {std::move(response)};
  WebRequest request;
  request.method = "POST";
  request.url = server_.url("/a?b=c");
  request.headers = {{"X-Thing", "1"}};
  request.body = "body";
  const auto answer = loop_.run_until_complete(client_.send(std::move(request)));
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "no");
  EXPECT_EQ(answer->headers.at("retry-after"), "9");
  ASSERT_EQ(server_.asked.size(), 1U);
  EXPECT_EQ(server_.asked[0].method, "POST");
  EXPECT_EQ(server_.asked[0].body, "body");
  EXPECT_EQ(server_.asked[0].headers.at("x-thing"), "1");
  EXPECT_EQ(server_.asked[0].query.at("b"), "c");
}

TEST_F(WebClientTest, FollowsNoRedirect) {
  // Goal: a token in the URL or a header is not carried elsewhere.
  auto response = http_status(302);
  response.headers = {{"Location", server_.url("/other")}};
  server_.trouble = {std::move(response)};
  EXPECT_EQ(get(server_.url())->status, 302);
  EXPECT_EQ(server_.asked.size(), 1U);
}

TEST_F(WebClientTest, ErrorsHaveACodeAndNoUrl) {
  // Goal: each failure is told apart, and no error holds the path, where a token may be.
  server_.close();
  const auto refused = get(server_.url("/secret"));
  EXPECT_EQ(refused.error().code, ErrorCode::ConnectionFailed) << refused.error().message();
  EXPECT_THAT(refused.error().message(), Not(HasSubstr("secret")));
  for (const auto* url : {"ftp://127.0.0.1/secret", "file:///etc/passwd", "not a url/secret", ""}) {
    const auto bad = get(url);
    ASSERT_FALSE(bad) << url;
    EXPECT_THAT(bad.error().message(), Not(HasSubstr("secret"))) << url;
    EXPECT_THAT(bad.error().message(), Not(HasSubstr("passwd"))) << url;
  }
}

TEST_F(WebClientTest, RefusesAnAnswerThatIsTooLarge) {
  // Goal: the other side cannot fill our memory.
  server_.trouble = {http_status(200, std::string(kWebAnswerBytesMax + 1, 'x'))};
  EXPECT_EQ(get(server_.url()).error().code, ErrorCode::Http);
}

TEST_F(WebClientTest, GivesUpOnASilentPeer) {
  // Goal: a listener that never answers costs the time limit and no more.
  HttpServer silent(
      loop_, [this](const HttpRequest&) -> Task<HttpResponse> { return wait_for_ever(&loop_); });
  const auto port = silent.listen_tcp("127.0.0.1", 0);
  ASSERT_TRUE(port);
  const auto begun = loop_.now();
  const auto answer = get("http://127.0.0.1:" + std::to_string(*port) + "/", Millis(300));
  EXPECT_EQ(answer.error().code, ErrorCode::TimedOut);
  EXPECT_LT(loop_.now() - begun, test::kPatience / 2);
}

TEST_F(WebClientTest, RefusesACertificateNobodyVouchesFor) {
  // Goal: over https a stranger in the middle gets nothing, token or message.
  const test::TempDir dir;
  ProcessSpec make;
  make.argv = {"openssl", "req",   "-x509",         "-newkey", "rsa:2048",  "-nodes", "-days",
               "1",       "-subj", "/CN=127.0.0.1", "-keyout", dir / "key", "-out",   dir / "cert"};
  const auto made =
      loop_.run_until_complete(run_process(loop_, std::move(make), loop_.after(test::kPatience)));
  ASSERT_TRUE(made && made->exit.ok()) << (made ? made->err : made.error().message());
  const auto port = std::to_string(test::free_port());
  ProcessSpec serve;
  serve.argv = {"openssl", "s_server", "-quiet",    "-www",  "-accept",
                port,      "-key",     dir / "key", "-cert", dir / "cert"};
  serve.output_file = dir / "log";
  const auto server = start_process(serve);
  ASSERT_TRUE(server);
  std::string why;
  EXPECT_TRUE(test::wait_until([&] {
    const auto answer = get("https://127.0.0.1:" + port + "/");
    why = answer ? "taken" : answer.error().message();
    return !why.contains("Failed to connect");
  }));
  EXPECT_THAT(why, HasSubstr("certificate"));
  static_cast<void>(server->signal(SIGKILL));
  static_cast<void>(
      loop_.run_until_complete(server->wait_exit(loop_, loop_.after(test::kPatience))));
}

TEST_F(WebClientTest, AnAbandonedRequestLeavesNothingBehind) {
  // Goal: the waiting coroutine may be destroyed at any moment, and so may the client.
  auto client = std::make_unique<WebClient>(loop_);
  {
    TaskGroup tasks(loop_);
    tasks.spawn(send_and_forget(client.get(), server_.url()));
    loop_.run_until_complete(turn(&loop_));
  }
  client.reset();
  EXPECT_EQ(get(server_.url())->status, 200);
}

}  // namespace
}  // namespace pgkeel::runtime
