// A message before it has a channel's form.
#include "notify/notice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/notify/stories.hpp"

namespace pgkeel::notify {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Notice, GoesToTheSpoolAndBack) {
  // Goal: nothing of a message is lost on disk.
  for (const auto reason : {Reason::Opened, Reason::Worse, Reason::Waiting, Reason::Escalated,
                            Reason::Reminder, Reason::Resolved, Reason::Test}) {
    const auto notice = notice_of(reason);
    const auto again = notice_from_json(to_json_text(notice));
    ASSERT_TRUE(again) << to_string(reason);
    EXPECT_EQ(*again, notice) << to_string(reason);
  }
}

TEST(Notice, RefusesWhatIsMalformed) {
  // Goal: a damaged spool entry is an error, not a crash.
  for (const auto* text : {"", "x", "[]", "{}", R"({"reason":"opened"})",
                           R"({"reason":"opened","severity":"critical","opened_at":5,"at":""})"})
    EXPECT_EQ(notice_from_json(text).error().code, ErrorCode::Malformed) << text;
}

TEST(Notice, SecretsAndEndlessTextsStayOut) {
  // Goal: what a server said may hold a password; the spool and the message do not.
  auto notice = notice_of(Reason::Opened);
  notice.summary = "could not connect: password=hunter2secret " + std::string(5000, 'x') + "\xff";
  const auto text = to_json_text(notice);
  EXPECT_THAT(text, Not(HasSubstr("hunter2secret")));
  EXPECT_LT(text.size(), 3000U);
}

TEST(Notice, TextSaysWhatWhereSinceAndWhyNow) {
  // Goal: one look at the phone tells what is wrong and where.
  const auto waiting = text_of(notice_of(Reason::Waiting), kOrigin, at(Seconds(3)));
  EXPECT_THAT(waiting, HasSubstr("[critical] table_dropped: shop.public.orders\n"));
  EXPECT_THAT(waiting, HasSubstr("needs you"));
  EXPECT_THAT(waiting, HasSubstr("Lost: 3 rows of shop.public.orders"));
  EXPECT_THAT(waiting, HasSubstr("embedded at /pg on host1"));
  EXPECT_THAT(waiting, HasSubstr("Incident 2026-11-21-001, since 2026-11-21T03:00:00Z"));
  EXPECT_THAT(waiting, Not(HasSubstr("late")));
  const auto resolved = text_of(notice_of(Reason::Resolved), kOrigin, at(Seconds(3)));
  EXPECT_THAT(resolved, HasSubstr("[resolved] table_dropped"));
  EXPECT_THAT(resolved, HasSubstr("Over after 3"));
}

TEST(Notice, TextSaysWhenItIsLateAndWhatIsMissing) {
  // Goal: a message delivered hours later is not taken for news; dropped ones are counted.
  auto origin = kOrigin;
  origin.dropped = 12;
  const auto text = text_of(notice_of(Reason::Opened), origin, at(Seconds(7203)));
  EXPECT_THAT(text, HasSubstr("Delivered 2 h 0 min late"));
  EXPECT_THAT(text, HasSubstr("12 older messages were dropped"));
}

}  // namespace
}  // namespace pgkeel::notify
