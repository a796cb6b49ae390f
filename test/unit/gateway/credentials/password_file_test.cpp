// PgBouncer's userlist.txt, and passwords as they are stored.
#include "gateway/credentials/password_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgkeel::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kScram =
    "SCRAM-SHA-256$4096:c2FsdCBvZiBzaXh0ZWVuLg==$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
constexpr std::string_view kMd5 = "md55f4dcc3b5aa765d61d8327deb882cf99";

std::string plain_of(const PasswordFile& file, std::string_view user) {
  const auto* found = file.find(user);
  const auto* plain = found == nullptr ? nullptr : std::get_if<PlainPassword>(found);
  return plain == nullptr ? "no plain password" : std::string(plain->text.view());
}

TEST(PasswordFile, ReadsWhatPgBouncerReads) {
  // Goal: passwords and verifiers, doubled quotes, blanks, comments, more fields, no last line end.
  const auto text = std::string("; a comment\n\n  # another\r\n\"app\" \"secret\"\n") +
                    "\t\"say \"\"hi\"\"\"   \"a\"\"b # ; c\"\r\n" + "\"scram\" \"" +
                    std::string(kScram) + "\" \"more\" fields\n\"old\"\"\" \"" + std::string(kMd5) +
                    "\"\n\"last\" \"x\"";
  const auto file = PasswordFile::parse(text).value();
  EXPECT_EQ(file.size(), 5U);
  EXPECT_EQ(plain_of(file, "app"), "secret");
  EXPECT_EQ(plain_of(file, "say \"hi\""), "a\"b # ; c");
  EXPECT_EQ(plain_of(file, "last"), "x");
  EXPECT_EQ(std::get<pg::ScramVerifier>(*file.find("scram")).salt, "salt of sixteen.");
  EXPECT_EQ(std::get<Md5Verifier>(*file.find("old\"")).text.view(), kMd5);
  EXPECT_EQ(file.find("App"), nullptr);
  EXPECT_EQ(PasswordFile::parse("")->size(), 0U);
}

TEST(PasswordFile, SaysWhereAndNeverWhat) {
  // Goal: each mistake with its line and a hint; nothing of the file is repeated.
  const auto error_of = [](const std::string& line) {
    const auto error = PasswordFile::parse("\"ok\" \"ok\"\n\n" + line + "\n").error();
    EXPECT_THAT(error.detail, StartsWith("line 3: ")) << line;
    EXPECT_THAT(error.message(), Not(HasSubstr("hunter")));
    EXPECT_FALSE(error.hint().empty());
    return error.detail;
  };
  EXPECT_THAT(error_of("app hunter2"), HasSubstr("does not begin with a user"));
  EXPECT_THAT(error_of("\"hunter"), HasSubstr("user's closing quote"));
  EXPECT_THAT(error_of("\"app\" hunter2"), HasSubstr("no password in double quotes"));
  EXPECT_THAT(error_of("\"app\""), HasSubstr("no password in double quotes"));
  EXPECT_THAT(error_of("\"app\" \"hunter2\"\""), HasSubstr("password's closing quote"));
  EXPECT_THAT(error_of("\"ok\" \"hunter2\""), HasSubstr("the user of line 1 again"));
  EXPECT_THAT(error_of("\"app\" \"\""), HasSubstr("1 to 2048 bytes"));
  EXPECT_THAT(error_of("\"\" \"hunter2\""), HasSubstr("1 to 63 bytes"));
  EXPECT_THAT(error_of("\"" + std::string(64, 'n') + "\" \"hunter2\""), HasSubstr("1 to 63 bytes"));
  EXPECT_THAT(error_of("\"app\" \"" + std::string(2049, 'x') + "\""), HasSubstr("2048"));
  EXPECT_THAT(error_of(std::string("\"app\" \"hunter\0\"", 15)), HasSubstr("2048"));
  static_cast<void>(error_of("\"app\" \"SCRAM-SHA-256$hunter2\""));
}

TEST(PasswordFile, IsBounded) {
  // Goal: a file longer than any is refused before it is read.
  EXPECT_FALSE(PasswordFile::parse(std::string(kPasswordFileBytesMost + 1, '\n')).has_value());
}

TEST(StoredPassword, IsToldApartAsTheServerDoes) {
  // Goal: what is nearly an MD5 verifier is a password; nearly a SCRAM one is a mistake.
  const auto is_plain = [](const std::string& text) {
    return std::holds_alternative<PlainPassword>(parse_stored_password(text).value());
  };
  EXPECT_FALSE(is_plain(std::string(kMd5)));
  EXPECT_TRUE(is_plain(std::string(kMd5) + "0"));
  EXPECT_TRUE(is_plain("md5" + std::string(32, 'A')));
  EXPECT_TRUE(is_plain("SCRAM-SHA-1$"));
  EXPECT_EQ(parse_stored_password("SCRAM-SHA-256$x").error().code, ErrorCode::Malformed);
  EXPECT_FALSE(parse_stored_password("").has_value());
}

}  // namespace
}  // namespace pgkeel::gateway
