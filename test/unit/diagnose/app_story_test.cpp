// What is made of applications' logs beside incidents and the server's own log.
#include "diagnose/app_story.hpp"

#include <gmock/gmock.h>

namespace pgkeel::diagnose {
namespace {

using sense::AppTrouble;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

const WallTime kTen = *parse_iso8601("2026-11-21T10:00:00Z");

sense::AppLog log_of(std::vector<sense::AppEvent> events) {
  sense::AppLog log;
  log.path = "/srv/bot.log";
  log.events = std::move(events);
  return log;
}

TEST(AppStory, IsFoldedUnderTheIncidentOfItsTime) {
  // Goal: K54: what happened while an incident was open is the incident's, the rest stands first.
  incident::Incident incident;
  incident.id = "2026-11-21-001";
  incident.opened_at = kTen;
  incident.closed_at = kTen + Seconds(700);
  incident.recovered = Millis(20'000);
  const std::vector<sense::AppLog> logs = {
      log_of({{kTen - Seconds(5), AppTrouble::Refused, "first"},
              {kTen + Seconds(10), AppTrouble::Refused, "second"},
              {kTen + Seconds(600), AppTrouble::Refused, "much later"},
              {std::nullopt, AppTrouble::UnknownHost, "no time"}})};
  const auto told = tell_app(logs, {incident}, {});
  ASSERT_THAT(told, SizeIs(3));
  EXPECT_EQ(told[0].text, "much later");
  EXPECT_EQ(told[1].text, "no time");
  EXPECT_EQ(told[2].incident, "2026-11-21-001");
  EXPECT_EQ(told[2].times, 2);
  EXPECT_EQ(told[2].text, "first");
}

TEST(AppStory, AClosedConnectionTheServerKnowsNothingOf) {
  // Goal: K53: both logs, the same second: the server's silence says that something between did it;
  // where the server's log does not reach, nothing is said.
  sense::LogHistory server;
  server.begins = kTen - Seconds(3600);
  const std::vector<sense::AppLog> logs = {log_of({{kTen, AppTrouble::Closed, "x"}})};
  EXPECT_THAT(tell_app(logs, {}, server).at(0).sentence, HasSubstr("something between"));
  server.events.emplace_back().at = kTen + Seconds(1);
  EXPECT_THAT(tell_app(logs, {}, server).at(0).sentence, Not(HasSubstr("something between")));
  server.events.clear();
  server.begins = kTen + Seconds(60);
  EXPECT_THAT(tell_app(logs, {}, server).at(0).sentence, Not(HasSubstr("something between")));
  EXPECT_THAT(tell_app({}, {}, server), IsEmpty());
}

}  // namespace
}  // namespace pgkeel::diagnose
