#include "serve/token.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

namespace pgkeel::serve {
namespace {

// A file of one test, gone with it.
class TokenFile {
 public:
  explicit TokenFile(std::string_view content, mode_t mode = 0600) {
    std::string name = "/tmp/pgkeel-test-token-XXXXXX";
    const int fd = ::mkstemp(name.data());
    ::close(fd);
    path_ = name;
    std::ofstream(path_) << content;
    ::chmod(path_.c_str(), mode);
  }
  ~TokenFile() { std::filesystem::remove(path_); }
  TokenFile(const TokenFile&) = delete;
  TokenFile& operator=(const TokenFile&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

constexpr std::string_view kSecret = "0123456789abcdef0123";

TEST(TokenTest, IsPresentedByExactlyItself) {
  // The scheme's name is case-insensitive (RFC 9110), the token is not.
  const TokenFile file(std::string(kSecret) + "\n");
  const auto token = Token::load(file.path());
  ASSERT_TRUE(token) << token.error().message();
  EXPECT_TRUE(token->presented_by("Bearer 0123456789abcdef0123"));
  EXPECT_TRUE(token->presented_by("bearer  0123456789abcdef0123 "));
  for (const auto* wrong :
       {"", "Bearer", "Bearer ", "0123456789abcdef0123", "Basic 0123456789abcdef0123",
        "Bearer 0123456789abcdef012", "Bearer 0123456789abcdef0124", "Bearer 0123456789ABCDEF0123",
        "Bearer 0123456789abcdef01230"})
    EXPECT_FALSE(token->presented_by(wrong)) << wrong;
}

TEST(TokenTest, AFileOpenToOthersIsRefused) {
  // B13: a token the whole machine can read is no token.
  for (const mode_t mode : {0604U, 0644U, 0602U, 0620U, 0601U}) {
    const TokenFile file(kSecret, mode);
    const auto token = Token::load(file.path());
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().code, ErrorCode::Permission);
    EXPECT_NE(token.error().hint().find("chmod 600"), std::string_view::npos);
  }
  const TokenFile group_readable(kSecret, 0640);
  EXPECT_TRUE(Token::load(group_readable.path()));
}

TEST(TokenTest, BadContentIsRefusedWithoutQuotingIt) {
  // An error never carries a secret, not even a bad one.
  for (const auto& content :
       {std::string(), std::string("  \n"), std::string("hunter2"), std::string(2'000, 'x'),
        std::string("two words of sixteen"), std::string("gr\xc3\xbc\xc3\x9f-gott-sechzehn")}) {
    const TokenFile file(content);
    const auto token = Token::load(file.path());
    ASSERT_FALSE(token) << content;
    EXPECT_EQ(token.error().code, ErrorCode::ConfigBadValue);
    if (content.size() > 3) {
      EXPECT_EQ(token.error().message().find(content.substr(0, 5)), std::string::npos);
    }
  }
}

TEST(TokenTest, AMissingFileOrADirectorySaysSo) {
  // Bad input: one clear line and exit code 2.
  const auto missing = Token::load("/nonexistent/token");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::ConfigUnreadable);
  EXPECT_NE(missing.error().message().find("/nonexistent/token"), std::string::npos);
  EXPECT_FALSE(Token::load("/tmp"));
}

}  // namespace
}  // namespace pgkeel::serve
