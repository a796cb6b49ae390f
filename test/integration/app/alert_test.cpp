// pgkeel alert test, the real binary against a local server in the place of Telegram and a webhook.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "integration/app/binary.hpp"
#include "runtime/http.hpp"

namespace pgkeel::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr auto kToken = "31415:QQwwEErrTTyyUUiiOOppAAssDDffGGhhJJkk";

// Says yes to everything but to /refuses; on a loop of its own.
class Elsewhere {
 public:
  Elsewhere() : server_(loop_, [this](runtime::HttpRequest request) { return take(request); }) {
    const auto listening = server_.listen_tcp("127.0.0.1", 0);
    EXPECT_TRUE(listening.has_value());
    port_ = listening.value_or(0);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~Elsewhere() {
    loop_.stop();
    thread_.join();
  }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;

  [[nodiscard]] std::string url(std::string_view path) const {
    return fmt::format("http://127.0.0.1:{}{}", port_, path);
  }
  [[nodiscard]] std::vector<std::string> paths() const {
    const std::scoped_lock lock(mutex_);
    return paths_;
  }

 private:
  runtime::Task<runtime::HttpResponse> take(runtime::HttpRequest request) {
    const std::scoped_lock lock(mutex_);
    paths_.push_back(request.path);
    runtime::HttpResponse response;
    response.body = R"({"ok":true})";
    if (request.path.starts_with("/refuses")) {
      response.status = 401;
      response.body = R"({"ok":false,"description":"Unauthorized"})";
    }
    co_return response;
  }

  runtime::Loop loop_;
  mutable std::mutex mutex_;
  std::vector<std::string> paths_;
  runtime::HttpServer server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

class AlertTest : public testing::Test {
 protected:
  void configure(std::string_view telegram_server) {
    binary_.write("token", std::string(kToken) + "\n");
    binary_.write("pgkeel.toml",
                  fmt::format("[[alert]]\nkind = \"telegram\"\ntoken_file = \"token\"\n"
                              "chat_id = 5\napi_url = \"{}\"\n"
                              "[[alert]]\nkind = \"webhook\"\nname = \"ops\"\nurl = \"{}\"\n"
                              "[[alert]]\nkind = \"deadman\"\nurl = \"{}\"\n",
                              telegram_server, there_.url("/hook"), there_.url("/ping")));
  }
  Binary binary_;
  Elsewhere there_;
};

TEST_F(AlertTest, SendsThroughEveryChannel) {
  // Goal: one word a channel, exit 0; a webhook's test is resolved; no ping unless named (E8).
  configure(there_.url(""));
  const auto ran = binary_.run({"alert", "test"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("telegram     ok"));
  EXPECT_THAT(ran.out, HasSubstr("ops          ok"));
  EXPECT_THAT(ran.out, HasSubstr("deadman      skipped"));
  EXPECT_THAT(there_.paths(),
              ElementsAre(std::string("/bot") + kToken + "/sendMessage", "/hook", "/hook"));
  EXPECT_EQ(binary_.run({"alert", "test", "deadman"}).exit_code, 0);
  EXPECT_EQ(there_.paths().back(), "/ping");
}

TEST_F(AlertTest, SaysTheOtherSidesWordsAndNoToken) {
  // Goal: exit 1 with the reason, the token nowhere, the other channel unharmed (rule 12).
  configure(there_.url("/refuses"));
  const auto ran = binary_.run({"alert", "test"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_THAT(ran.out, HasSubstr("telegram     FAILED: HTTP 401: Unauthorized"));
  EXPECT_THAT(ran.out, HasSubstr("ops          ok"));
  EXPECT_THAT(ran.out + ran.err, Not(HasSubstr("QQww")));
  const auto json = nlohmann::json::parse(binary_.run({"alert", "test", "telegram", "--json"}).out,
                                          nullptr, false);
  ASSERT_THAT(json["channels"], SizeIs(1));
  EXPECT_EQ(json["channels"][0]["ok"], false);
}

TEST_F(AlertTest, MistakesAreClear) {
  // Goal: no channel at all is 3, an unknown one 2 with the names, a missing token file names it.
  EXPECT_EQ(binary_.run({"alert", "test"}).exit_code, 3);
  configure(there_.url(""));
  const auto unknown = binary_.run({"alert", "test", "phone"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("telegram, ops, deadman"));
  std::filesystem::remove(binary_.dir() / "token");
  const auto missing = binary_.run({"alert", "test", "telegram"});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.out, HasSubstr("token"));
}

}  // namespace
}  // namespace pgkeel::test
