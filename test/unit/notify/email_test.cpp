// Mail: what goes out is well formed whatever the server said, what comes back is understood.
#include "notify/email.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/notify/stories.hpp"

namespace pgkeel::notify {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string message(const Notice& notice) {
  return mail_message(notice, kOrigin, "pgkeel@example.org", "ann@example.org", at(Seconds(3)));
}

TEST(Email, IsAMessageWithHeaderAndBody) {
  // Goal: the fields that mail needs, a thread an incident, lines that end CRLF (D16).
  const auto mail = message(notice_of(Reason::Waiting));
  EXPECT_THAT(mail, HasSubstr("From: pgkeel <pgkeel@example.org>\r\nTo: <ann@example.org>\r\n"));
  EXPECT_THAT(mail, HasSubstr("Subject: [critical] table_dropped: shop.public.orders\r\n"));
  EXPECT_THAT(mail, HasSubstr("Date: Sat, 21 Nov 2026 03:00:03 +0000\r\n"));
  EXPECT_THAT(mail, HasSubstr("References: <pgkeel-2026-11-21-001@host1>\r\n"));
  EXPECT_THAT(mail, HasSubstr("\r\n\r\n[critical] table_dropped"));
  for (std::size_t at = mail.find('\n'); at != std::string::npos; at = mail.find('\n', at + 1))
    ASSERT_EQ(mail[at - 1], '\r');
}

TEST(Email, NobodyWritesAHeaderFromOutside) {
  // Goal: a table's name or a server's message adds no header line, and no line is too long.
  auto notice = notice_of(Reason::Opened);
  notice.subject = "x\r\nBcc: everybody@example.org\xc3\xa4";
  notice.summary = std::string(5000, 'y');
  const auto mail = message(notice);
  const auto header = mail.substr(0, mail.find("\r\n\r\n"));
  EXPECT_THAT(header, Not(HasSubstr("\r\nBcc:")));
  EXPECT_THAT(header, Not(HasSubstr("\xc3")));
  EXPECT_THAT(mail, Not(HasSubstr("\r\r")));
  for (std::size_t at = 0; at < mail.size();) {
    const auto end = std::min(mail.find("\r\n", at), mail.size());
    ASSERT_LT(end - at, 998U);
    at = end + 2;
  }
}

TEST(Email, AddressesAreOnePersonsAndNothingElse) {
  // Goal: what could be two addresses, a header or an option is none.
  for (const auto* good : {"a@b", "on-call+db@example.org"}) EXPECT_TRUE(is_mail_address(good));
  for (const auto* bad : {"", "@", "a@", "@b", "a", "a@b@c", "a b@c", "a@b,c@d", "<a@b>", "a@b\n",
                          "\"a\"@b", "a@b;c"})
    EXPECT_FALSE(is_mail_address(bad)) << bad;
  EXPECT_FALSE(is_mail_address("a@" + std::string(300, 'b')));
}

TEST(Email, AnswersAreJudgedByWhatTheyAreAbout) {
  // Goal: not now is tried again, a wrong login is mended by somebody, a message nobody takes is
  // given up in the end.
  EXPECT_EQ(judge_mail({.status = 250, .headers = {}, .body = {}}).verdict, Verdict::Delivered);
  EXPECT_EQ(judge_mail({.status = 451, .headers = {}, .body = {}}).verdict, Verdict::TryLater);
  EXPECT_EQ(judge_mail({.status = 535, .headers = {}, .body = {}}).verdict, Verdict::TryLater);
  const auto refused = judge_mail({.status = 550, .headers = {}, .body = "RCPT failed: 550"});
  EXPECT_EQ(refused.verdict, Verdict::Refused);
  EXPECT_EQ(refused.words, "the mail server said 550: RCPT failed: 550");
}

}  // namespace
}  // namespace pgkeel::notify
