// Telegram's message and its answers.
#include "notify/telegram.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "notify/channel.hpp"
#include "unit/notify/stories.hpp"

namespace pgkeel::notify {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr auto kToken = "123456:AAbbCCddEEffGGhhIIjjKKllMMnnOOppQQr";

class TelegramTest : public testing::Test {
 protected:
  TelegramTest()
      : file_(std::filesystem::temp_directory_path() /
              ("pgkeel-unit-token-" + std::to_string(::getpid()))) {
    std::ofstream(file_) << kToken << "\n";
    options_.name = options_.kind = "telegram";
    options_.token_file = file_;
    options_.chat_id = "-100";
  }
  ~TelegramTest() override { std::filesystem::remove(file_); }

  std::filesystem::path file_;
  ChannelOptions options_;
};

TEST_F(TelegramTest, SendsPlainText) {
  // Goal: sendMessage of the Bot API, quiet for what is only information.
  const auto request =
      make_telegram(options_)->request(notice_of(Reason::Opened), kOrigin, at(Seconds(3)));
  ASSERT_TRUE(request) << request.error().message();
  EXPECT_EQ(request->url, std::string("https://api.telegram.org/bot") + kToken + "/sendMessage");
  const auto body = nlohmann::json::parse(request->body);
  EXPECT_EQ(body["chat_id"], "-100");
  EXPECT_EQ(body["disable_notification"], false);
  EXPECT_FALSE(body.contains("parse_mode"));
  EXPECT_THAT(body["text"].get<std::string>(), HasSubstr("[critical] table_dropped"));
  EXPECT_THAT(request->body, Not(HasSubstr(kToken)));
}

TEST_F(TelegramTest, AnotherServerCanBeNamed) {
  // Goal: api_url, with or without a slash at its end.
  options_.api_url = "http://127.0.0.1:8081/";
  const auto request = make_telegram(options_)->request(notice_of(Reason::Opened), kOrigin, kStart);
  EXPECT_THAT(request->url, testing::StartsWith("http://127.0.0.1:8081/bot123456:"));
}

TEST_F(TelegramTest, AMissingTokenIsNamedByItsFile) {
  // Goal: the error says which file, and holds no token.
  std::ofstream(file_) << "  \n";
  EXPECT_THAT(make_telegram(options_)
                  ->request(notice_of(Reason::Opened), kOrigin, kStart)
                  .error()
                  .message(),
              HasSubstr(file_.string()));
  std::filesystem::remove(file_);
  EXPECT_EQ(
      make_telegram(options_)->request(notice_of(Reason::Opened), kOrigin, kStart).error().code,
      ErrorCode::NotFound);
}

TEST_F(TelegramTest, LongTextsAreCutAtACharacter) {
  // Goal: 4096 UTF-16 code units, whatever the characters are.
  EXPECT_EQ(cut_utf16("abc", 3), "abc");
  EXPECT_EQ(cut_utf16("abcdef", 5), "ab...");
  EXPECT_EQ(cut_utf16("жжжжжж", 5), "жж...");
  EXPECT_EQ(cut_utf16("\U0001F534\U0001F534\U0001F534", 5), "\U0001F534...");
  EXPECT_EQ(cut_utf16("\U0001F534\U0001F534", 4), "\U0001F534\U0001F534");
  EXPECT_EQ(cut_utf16("", 5), "");
}

TEST(TelegramAnswer, OnlyOkIsDelivered) {
  // Goal: a portal's 200 is not Telegram's.
  const auto judge = [](int status, std::string body) {
    return judge_telegram({status, {}, std::move(body)}, kStart);
  };
  EXPECT_EQ(judge(200, R"({"ok":true,"result":{}})").verdict, Verdict::Delivered);
  EXPECT_EQ(judge(200, "<html>log in</html>").verdict, Verdict::TryLater);
  EXPECT_EQ(judge(200, R"({"ok":false})").verdict, Verdict::TryLater);
  const auto bad =
      judge(400, R"({"ok":false,"error_code":400,"description":"Bad Request: chat not found"})");
  EXPECT_EQ(bad.verdict, Verdict::Refused);
  EXPECT_EQ(bad.words, "HTTP 400: Bad Request: chat not found");
  EXPECT_EQ(judge(401, R"({"ok":false,"description":"Unauthorized"})").verdict, Verdict::TryLater);
}

TEST(TelegramAnswer, PatienceIsHonoured) {
  // Goal: parameters.retry_after of a 429, bounded; nonsense is as if it were not there.
  const auto asked = [](const std::string& parameters) {
    return judge_telegram({429, {}, R"({"ok":false,"parameters":)" + parameters + "}"}, kStart)
        .retry_after;
  };
  EXPECT_EQ(asked(R"({"retry_after":35})"), Seconds(35));
  EXPECT_EQ(asked(R"({"retry_after":99999999999})"), kRetryAfterMax);
  EXPECT_EQ(asked(R"({"retry_after":-1})"), Seconds(0));
  EXPECT_EQ(asked(R"({"retry_after":"x"})"), std::nullopt);
  EXPECT_EQ(asked("[]"), std::nullopt);
}

}  // namespace
}  // namespace pgkeel::notify
