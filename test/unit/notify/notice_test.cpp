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
  for (const auto reason :
       {Reason::Opened, Reason::Worse, Reason::Waiting, Reason::Escalated, Reason::Reminder,
        Reason::Acknowledged, Reason::Resolved, Reason::Test}) {
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

TEST(Notice, CarriesWhatToDoNextAndWhereTheEvidenceLies) {
  // Goal: whoever is woken types one command; what is over or only a test asks for nothing (D16).
  auto notice = notice_of(Reason::Escalated);
  notice.command = "pgkeel undrop shop.public.orders";
  auto origin = kOrigin;
  origin.evidence_dir = "/var/lib/pgkeel/evidence";
  const auto text = text_of(notice, origin, at(Seconds(3)));
  EXPECT_THAT(text, HasSubstr("Next: pgkeel undrop shop.public.orders\n"));
  EXPECT_THAT(text, HasSubstr("I look after it: pgkeel incident ack 2026-11-21-001\n"));
  EXPECT_THAT(text, HasSubstr("Evidence: pgkeel incident report 2026-11-21-001 --bundle FILE, of "
                              "/var/lib/pgkeel/evidence/2026-11-21-001.json\n"));
  notice.acked_by = "ann";
  EXPECT_THAT(text_of(notice, origin, at(Seconds(3))), Not(HasSubstr("I look after it")));
  notice.reason = Reason::Resolved;
  EXPECT_THAT(text_of(notice, origin, at(Seconds(3))), Not(HasSubstr("Next:")));
}

TEST(Notice, TheNextCommandIsTheOneThatWasNamed) {
  // Goal: a command in the note, without placeholders; else the cause's own; while the guard
  // repairs only a look (D16).
  auto incident = incident_of();
  EXPECT_EQ(next_command(incident, ""), "pgkeel incident show 2026-11-21-001");
  incident.state = incident::IncidentState::Waiting;
  EXPECT_EQ(next_command(incident, "Waiting for a human: ('pgkeel resume' tries again)."),
            "pgkeel resume");
  incident.cause = "table_dropped";
  incident.subject = "shop.public.orders";
  EXPECT_EQ(next_command(incident, "a human: 'pgkeel undrop DATABASE.SCHEMA.TABLE' restores it"),
            "pgkeel undrop shop.public.orders");
  EXPECT_EQ(next_command(incident, "`pgkeel undrop shop.public.orders --at 5`, 'pgkeel"),
            "pgkeel undrop shop.public.orders --at 5");
  incident.cause = "something_new";
  EXPECT_EQ(next_command(incident, "don't know"), "pgkeel doctor");
  incident.id = "not-journaled-disk_full";
  EXPECT_EQ(next_command(incident, ""), "pgkeel doctor");
}

}  // namespace
}  // namespace pgkeel::notify
