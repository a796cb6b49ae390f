// The rules of calling somebody, in virtual time.
#include "notify/board.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "unit/notify/stories.hpp"

namespace pgkeel::notify {
namespace {

using incident::IncidentState;
using incident::Severity;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Seconds kHour{3600};

class BoardTest : public testing::Test {
 protected:
  BoardTest() : board_({{"ops"}}) {}

  void listen(std::vector<Audience> audience) { board_ = Board(std::move(audience)); }
  void news(const incident::Incident& incident, Seconds when = Seconds(0)) {
    board_.take(incident, "", at(when));
  }
  std::vector<std::string> said(Seconds when) {
    std::vector<std::string> words;
    for (const auto& notice : board_.due(at(when)))
      words.push_back(fmt::format("{} {}", notice.channel, to_string(notice.reason)));
    return words;
  }

  Board board_;
};

TEST_F(BoardTest, OneAlertAndOneResolve) {
  // Goal: the same news again is no news; that it is over is said once (D13 E8).
  const auto incident = incident_of();
  news(incident);
  EXPECT_THAT(said(Seconds(0)), ElementsAre("ops opened"));
  news(incident, Seconds(1));
  news(in_state(incident, IncidentState::Recovering), Seconds(1));
  EXPECT_THAT(said(Seconds(1)), IsEmpty());
  news(in_state(incident, IncidentState::Watching), Seconds(3));
  EXPECT_THAT(said(Seconds(3)), ElementsAre("ops resolved"));
  news(in_state(incident, IncidentState::Closed), Seconds(600));
  EXPECT_THAT(said(Seconds(600)), IsEmpty());
  EXPECT_FALSE(board_.next_due());
}

TEST_F(BoardTest, AHumanIsCalledOnceMore) {
  // Goal: waiting for a human is a state that matters, once an incident.
  const auto incident = incident_of();
  news(incident);
  EXPECT_THAT(said(Seconds(0)), ElementsAre("ops opened"));
  news(in_state(incident, IncidentState::Waiting), Seconds(5));
  EXPECT_THAT(said(Seconds(5)), ElementsAre("ops waiting"));
  news(in_state(incident, IncidentState::Recovering), Seconds(35));
  news(in_state(incident, IncidentState::Waiting), Seconds(36));
  EXPECT_THAT(said(Seconds(36)), IsEmpty());
}

TEST_F(BoardTest, SeenAndWaitingAtOnceIsOneMessage) {
  // Goal: a cause nothing can be done about calls once, as waiting.
  news(in_state(incident_of(), IncidentState::Waiting));
  EXPECT_THAT(said(Seconds(0)), ElementsAre("ops waiting"));
  EXPECT_THAT(said(Seconds(1)), IsEmpty());
}

TEST_F(BoardTest, ACauseRefinedIsNoNewAlertUnlessItIsWorse) {
  // Goal: refinement alone stays quiet; a rise in severity does not.
  auto incident = incident_of("a", Severity::Warning);
  news(incident);
  EXPECT_THAT(said(Seconds(0)), ElementsAre("ops opened"));
  incident.cause = "stale_pid";
  news(incident, Seconds(1));
  EXPECT_THAT(said(Seconds(1)), IsEmpty());
  incident.severity = Severity::Critical;
  news(incident, Seconds(2));
  EXPECT_THAT(said(Seconds(2)), ElementsAre("ops worse"));
  EXPECT_THAT(said(Seconds(3)), IsEmpty());
}

TEST_F(BoardTest, BelowTheThresholdNothingIsSaid) {
  // Goal: min_severity of the channel; one that never heard is not told that it is over.
  listen({{"ops", Severity::Critical}, {"all", Severity::Info}});
  const auto incident = incident_of("a", Severity::Warning);
  news(incident);
  EXPECT_THAT(said(Seconds(0)), ElementsAre("all opened"));
  news(in_state(incident, IncidentState::Watching), Seconds(1));
  EXPECT_THAT(said(Seconds(1)), ElementsAre("all resolved"));
}

TEST_F(BoardTest, AStopByTheOperatorIsSaidOnce) {
  // Goal: severity info is said once: no call for a human, no reminder, no escalation (D3).
  listen({{"all", Severity::Info, {Seconds(0), Seconds(300)}}});
  auto incident = incident_of("a", Severity::Info);
  incident.cause = "stopped_by_operator";
  news(incident);
  EXPECT_THAT(said(Seconds(0)), ElementsAre("all opened"));
  news(in_state(incident, IncidentState::Waiting), Seconds(1));
  for (const auto when : {Seconds(1), Seconds(300), kHour * 4, kHour * 100})
    EXPECT_THAT(said(when), IsEmpty()) << when.count();
  EXPECT_FALSE(board_.next_due());
}

TEST_F(BoardTest, RemindersAreBounded) {
  // Goal: every four hours while it lasts, a week at most, then silence until it is over.
  news(incident_of());
  EXPECT_THAT(said(Seconds(0)), ElementsAre("ops opened"));
  EXPECT_THAT(said(kHour * 4 - Seconds(1)), IsEmpty());
  EXPECT_EQ(board_.next_due(), at(kHour * 4));
  int reminders = 0;
  for (int hour = 4; hour < 1000; ++hour) reminders += static_cast<int>(said(kHour * hour).size());
  EXPECT_EQ(reminders, kRemindersMax);
  news(in_state(incident_of(), IncidentState::Closed), kHour * 1000);
  EXPECT_THAT(said(kHour * 1000), ElementsAre("ops resolved"));
}

TEST_F(BoardTest, ReminderCanBeTurnedOff) {
  // Goal: repeat_every = 0 says it once.
  listen({{"ops", Severity::Warning, {Seconds(0)}, Millis(0)}});
  news(incident_of());
  EXPECT_THAT(said(Seconds(0)), ElementsAre("ops opened"));
  EXPECT_THAT(said(kHour * 1000), IsEmpty());
}

TEST_F(BoardTest, EscalationGoesByTheAgeOfTheIncident) {
  // Goal: each channel hears at its age; one named twice hears twice (E8).
  listen({{"chat", Severity::Warning, {Seconds(0), Seconds(1800)}},
          {"phone", Severity::Warning, {Seconds(300)}}});
  news(incident_of());
  EXPECT_THAT(said(Seconds(0)), ElementsAre("chat opened"));
  EXPECT_EQ(board_.next_due(), at(Seconds(300)));
  EXPECT_THAT(said(Seconds(299)), IsEmpty());
  EXPECT_THAT(said(Seconds(300)), ElementsAre("phone escalated"));
  EXPECT_THAT(said(Seconds(1800)), ElementsAre("chat escalated"));
}

TEST_F(BoardTest, WhatIsRestoredEscalatesNoFurther) {
  // Goal: nobody's phone rings for what is over, and who was never told is not told of the end.
  listen({{"chat", Severity::Warning, {Seconds(0)}}, {"phone", Severity::Warning, {Seconds(300)}}});
  const auto incident = incident_of();
  news(incident);
  EXPECT_THAT(said(Seconds(0)), ElementsAre("chat opened"));
  news(in_state(incident, IncidentState::Watching), Seconds(200));
  EXPECT_THAT(said(Seconds(200)), ElementsAre("chat resolved"));
  EXPECT_THAT(said(Seconds(300)), IsEmpty());
}

incident::Incident acked(incident::Incident incident) {
  incident.acked_at = at(Seconds(200));
  incident.acked_by = "ann";
  return incident;
}

TEST_F(BoardTest, AnAcknowledgementStopsTheClimbAndTheReminders) {
  // Goal: no further rung, no reminder; who was told hears it once, and the end (D16).
  listen({{"chat", Severity::Warning, {Seconds(0), Seconds(1800)}},
          {"phone", Severity::Warning, {Seconds(300)}}});
  news(incident_of());
  EXPECT_THAT(said(Seconds(0)), ElementsAre("chat opened"));
  news(acked(incident_of()), Seconds(200));
  EXPECT_THAT(said(Seconds(200)), ElementsAre("chat acknowledged"));
  EXPECT_THAT(said(Seconds(300)), IsEmpty());
  EXPECT_FALSE(board_.next_due());
  EXPECT_THAT(said(kHour * 24), IsEmpty());
  news(in_state(acked(incident_of()), IncidentState::Closed), kHour * 25);
  EXPECT_THAT(said(kHour * 25), ElementsAre("chat resolved"));
}

TEST_F(BoardTest, AnAcknowledgementSilencesNoWorseNews) {
  // Goal: whoever looks after it still hears that it got worse and that the guard needs them.
  news(incident_of("a", Severity::Warning));
  EXPECT_THAT(said(Seconds(0)), ElementsAre("ops opened"));
  news(acked(incident_of("a", Severity::Warning)), Seconds(1));
  EXPECT_THAT(said(Seconds(1)), ElementsAre("ops acknowledged"));
  news(acked(incident_of("a", Severity::Critical)), Seconds(2));
  EXPECT_THAT(said(Seconds(2)), ElementsAre("ops worse"));
  news(in_state(acked(incident_of("a")), IncidentState::Waiting), Seconds(3));
  EXPECT_THAT(said(Seconds(3)), ElementsAre("ops waiting"));
  EXPECT_THAT(said(Seconds(4)), IsEmpty());
}

TEST_F(BoardTest, AnAcknowledgementBeforeAnybodyWasToldTellsNobody) {
  // Goal: a person who was quicker than the first rung is not told of it (D16).
  listen({{"phone", Severity::Warning, {Seconds(300)}}});
  news(acked(incident_of()), Seconds(1));
  EXPECT_THAT(said(kHour), IsEmpty());
  news(in_state(acked(incident_of()), IncidentState::Closed), kHour);
  EXPECT_THAT(said(kHour), IsEmpty());
}

TEST_F(BoardTest, ANewGuardSaysNoAcknowledgementTwice) {
  // Goal: that it was said survives; so does that nobody further is called (D16 A9).
  listen({{"chat"}, {"phone", Severity::Warning, {Seconds(300)}}});
  news(incident_of());
  EXPECT_THAT(said(Seconds(0)), ElementsAre("chat opened"));
  news(acked(incident_of()), Seconds(10));
  EXPECT_THAT(said(Seconds(10)), ElementsAre("chat acknowledged"));
  Board next({{"chat"}, {"phone", Severity::Warning, {Seconds(300)}}});
  next.remember(incident_of().id, board_.said(incident_of().id));
  board_ = next;
  news(acked(incident_of()), Seconds(400));
  EXPECT_THAT(said(Seconds(400)), IsEmpty());
}

TEST_F(BoardTest, ARungIsNeverClimbedTwice) {
  // Goal: a guard killed between two rungs says the next one only, and two that were passed
  // meanwhile are one message (D16 A9).
  const Audience chat{"chat", Severity::Warning, {Seconds(0), Seconds(300), Seconds(900)}};
  listen({chat});
  news(incident_of());
  EXPECT_THAT(said(Seconds(0)), ElementsAre("chat opened"));
  Board next({chat});
  next.remember(incident_of().id, board_.said(incident_of().id));
  board_ = next;
  news(incident_of(), Seconds(1000));
  EXPECT_THAT(said(Seconds(1000)), ElementsAre("chat escalated"));
  EXPECT_THAT(said(Seconds(1001)), IsEmpty());
}

TEST_F(BoardTest, ANewGuardGoesOnWhereOneEnded) {
  // Goal: what was said survives as text: no second alert, the reminder in time, one resolve (A9).
  const auto incident = incident_of();
  news(incident);
  EXPECT_THAT(said(Seconds(0)), ElementsAre("ops opened"));
  Board next({{"ops"}});
  next.remember(incident.id, board_.said(incident.id));
  board_ = next;
  news(incident, Seconds(60));
  EXPECT_THAT(said(Seconds(60)), IsEmpty());
  EXPECT_THAT(said(kHour * 4), ElementsAre("ops reminder"));
  news(in_state(incident, IncidentState::Closed), kHour * 5);
  EXPECT_THAT(said(kHour * 5), ElementsAre("ops resolved"));
  EXPECT_EQ(board_.said(incident.id), "");
}

TEST_F(BoardTest, DamagedMemoryIsIgnored) {
  // Goal: what cannot be read back costs one message at most.
  for (const auto* text : {"", "nonsense", "[]", R"({"ops":5})", R"({"ops":{"ages":-3}})"}) {
    Board board({{"ops"}});
    board.remember("x", text);
    EXPECT_LE(board.incidents().size(), 1U) << text;
  }
}

TEST_F(BoardTest, AClockSetBackDelaysNothing) {
  // Goal: an incident "in the future" is as urgent as any.
  news(incident_of(), Seconds(-7200));
  EXPECT_THAT(said(Seconds(-7200)), ElementsAre("ops opened"));
}

TEST_F(BoardTest, IsBounded) {
  // Goal: a storm of incidents does not grow without end.
  for (std::size_t i = 0; i < 2 * kIncidentsTracked; ++i)
    news(incident_of(fmt::format("{:04}", i)));
  EXPECT_EQ(board_.incidents().size(), kIncidentsTracked);
}

}  // namespace
}  // namespace pgkeel::notify
