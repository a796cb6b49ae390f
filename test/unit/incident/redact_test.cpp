#include "incident/redact.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace pgkeel::incident {
namespace {

using Cases = std::vector<std::pair<std::string, std::string>>;

void expect_redacted(const Cases& cases) {
  for (const auto& [text, want] : cases) {
    EXPECT_EQ(redact(text), want);
    EXPECT_EQ(redact(want), want) << "once is enough";
  }
}

TEST(Redact, MasksConnectionStrings) {
  // The password of every form of conninfo is hidden, the rest stays readable.
  expect_redacted({
      {"postgres://app:s3cret@db:5432/shop", "postgres://app:********@db:5432/shop"},
      {"(postgresql://app:p@ss@db/shop?sslmode=require)",
       "(postgresql://app:********@db/shop?sslmode=require)"},
      {"postgresql://app:a/b@db/shop", "postgresql://app:********@db/shop"},
      {"https://u:p@h/x y@z", "https://u:********@h/x y@z"},
      {"postgresql:///shop?user=a&password=b&port=1",
       "postgresql:///shop?user=a&password=********&port=1"},
      {"host=db password=s3cret user=app", "host=db password=******** user=app"},
      {"host=db password = 's3 \\' cret' user=app", "host=db password = '********' user=app"},
      {"password=a\\ b user=app", "password=******** user=app"},
      {"sslpassword=x", "sslpassword=********"},
  });
}

TEST(Redact, MasksNamedSecrets) {
  // Environment, JSON, headers and flags, in any case of letters.
  expect_redacted({
      {"POSTGRES_PASSWORD=abc DEBUG=1", "POSTGRES_PASSWORD=******** DEBUG=1"},
      {R"({"token": "abc", "chat": 5})", R"({"token": "********", "chat": 5})"},
      {"Authorization: Bearer abc.def", "Authorization: Bearer ********"},
      {"sent with Bearer eyJhbGciOi.x-y_z", "sent with Bearer ********"},
      {"--api-key=abc --port=1", "--api-key=******** --port=1"},
      {"AWS_SECRET_ACCESS_KEY=wJalr/K7+x", "AWS_SECRET_ACCESS_KEY=********"},
  });
}

TEST(Redact, MasksSqlAndVerifiers) {
  // What a server log repeats of a role statement.
  expect_redacted({
      {"ALTER ROLE app PASSWORD 'it''s' VALID UNTIL 'x'",
       "ALTER ROLE app PASSWORD '********' VALID UNTIL 'x'"},
      {"create role a encrypted password E'\\'x'", "create role a encrypted password E'********'"},
      {"x SCRAM-SHA-256$4096:c2FsdA==$a+b/c=:d= y", "x SCRAM-SHA-256$******** y"},
      {"md50123456789abcdef0123456789abcdef", "md5********"},
      {"PASSWORD 'cut off he", "PASSWORD '********"},
  });
}

TEST(Redact, MasksTokensOfAlertChannels) {
  // A failed alert's URL and a key that was printed whole.
  expect_redacted({
      {"https://api.telegram.org/bot123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw_/send",
       "https://api.telegram.org/bot123456789:********/send"},
      {"-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
       "-----BEGIN PRIVATE KEY-----********-----END PRIVATE KEY-----"},
  });
}

TEST(Redact, LeavesTheRestAlone) {
  // What evidence is made of stays as it was said.
  for (const std::string text : {
           "FATAL:  password authentication failed for user \"app\"",
           "postmaster 4242 ended by signal 9 at 2026-11-21T03:04:05.123Z",
           "DROP by role app, xid 23015, LSN 0/3A7D9060",
           "rename /srv/main to /srv/main.set-aside-20261121",
           "password_encryption = scram-sha-256",
           "token_file = \"/etc/pgkeel/telegram\"",
           "postgresql://app@db:5432/shop",
           "http://127.0.0.1:8432/@fs",
           "md5 of the file",
           "role \"password\" does not exist",
           "",
       })
    EXPECT_EQ(redact(text), text);
}

TEST(Redact, HoldsForAnyText) {
  // Random text made of the rules' own words: never grows without bound, and twice is once.
  const std::vector<std::string> words = {"password",
                                          "PASSWORD",
                                          "token",
                                          "=",
                                          ":",
                                          " ",
                                          "'",
                                          "\"",
                                          "\\",
                                          "://",
                                          "@",
                                          "postgres",
                                          "u",
                                          "md5",
                                          "0123456789abcdef0123456789abcdef",
                                          "SCRAM-SHA-256$",
                                          "$",
                                          "Bearer ",
                                          "\n",
                                          "-----BEGIN ",
                                          "PRIVATE KEY-----",
                                          "-----END",
                                          "123456789:",
                                          "E",
                                          "&",
                                          "?",
                                          "/",
                                          "*",
                                          "\xff"};
  std::mt19937 random(20261121);  // NOLINT: the same texts every time
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto left = random() % 12; left > 0; --left) text += words[random() % words.size()];
    const auto once = redact(text);
    ASSERT_EQ(redact(once), once) << text;
    ASSERT_LE(once.size(), text.size() + kMask.size() * (text.size() + 1)) << text;
  }
}

TEST(Redact, IsQuickOnHostileText) {
  // Repeated openings of a rule do not make it quadratic: the time grows with its length.
  std::string text;
  while (text.size() < 1 << 18) text += "://u:";
  EXPECT_GE(redact(text).size(), text.size());
  EXPECT_EQ(redact(std::string(1 << 18, '1')).size(), 1U << 18);
  std::string quotes;
  while (quotes.size() < 1 << 18) quotes += "password ' ";
  EXPECT_LT(redact(quotes).size(), quotes.size());
}

}  // namespace
}  // namespace pgkeel::incident
