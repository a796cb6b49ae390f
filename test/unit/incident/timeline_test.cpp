#include "incident/timeline.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "incident/text.hpp"
#include "story.hpp"

namespace pgkeel::incident {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

TEST(Timeline, MergesEverythingInTheOrderOfTime) {
  // Failure, evidence, steps, checks and events are one story. D15
  const auto moments = moments_of(whole_incident());
  std::vector<MomentKind> kinds;
  for (const auto& moment : moments) kinds.push_back(moment.kind);
  EXPECT_THAT(kinds, ElementsAre(MomentKind::Failed, MomentKind::Seen, MomentKind::Noticed,
                                 MomentKind::Seen, MomentKind::Acted, MomentKind::Checked,
                                 MomentKind::Checked, MomentKind::Checked, MomentKind::Restored,
                                 MomentKind::Closed));
  EXPECT_TRUE(std::ranges::is_sorted(moments, {}, &Moment::at));
  EXPECT_EQ(moments[0].at, at(-12));
  EXPECT_EQ(moments[4].text, "start server: pg_ctl start -D /srv/main: done in 212 ms (pid 4300)");
  EXPECT_EQ(moments[5].tone, Tone::Bad);
}

TEST(Timeline, SaysOnceThatServiceIsBack) {
  // An event that says it counts; without one the time to recovery says it.
  auto incident = whole_incident();
  const auto restored = [](const Incident& of) {
    return std::ranges::count(moments_of(of), MomentKind::Restored, &Moment::kind);
  };
  EXPECT_EQ(restored(incident), 1);
  incident.events.clear();
  EXPECT_EQ(restored(incident), 1);
  incident.recovered = std::nullopt;
  EXPECT_EQ(restored(incident), 0);
}

TEST(Timeline, CountsFromTheFailure) {
  // Distances are short and exact enough to compare by eye.
  EXPECT_EQ(relative_time(Millis(0)), "+0 ms");
  EXPECT_EQ(relative_time(Millis(-8)), "-8 ms");
  EXPECT_EQ(relative_time(Millis(999)), "+999 ms");
  EXPECT_EQ(relative_time(Millis(3'249)), "+3.2 s");
  EXPECT_EQ(relative_time(Millis(59'999)), "+59.9 s");
  EXPECT_EQ(relative_time(Millis(600'000)), "+10 min");
  EXPECT_EQ(relative_time(Millis(3'600'000)), "+1.0 h");
  EXPECT_EQ(relative_time(Millis(86'400'000)), "+1.0 d");
}

TEST(Timeline, EveryOutcomeHasWords) {
  // A step that was cut short or only advised never reads like one that was done.
  auto action = sample_action();
  EXPECT_EQ(outcome_in_words(action), "begun, end not known");
  action.ended_at = action.started_at + Millis(5'000);
  action.outcome = ActionOutcome::Failed;
  EXPECT_EQ(outcome_in_words(action), "FAILED after 5.0 s");
  action.outcome = ActionOutcome::Skipped;
  EXPECT_EQ(outcome_in_words(action), "nothing to do");
  action.outcome = ActionOutcome::Interrupted;
  EXPECT_EQ(outcome_in_words(action), "cut short, the guard ended");
  action.outcome = ActionOutcome::Advised;
  EXPECT_EQ(outcome_in_words(action), "not done, only advised");
}

TEST(Timeline, NeverCallsALossNothing) {
  // What is gone is said in capitals; what is not known is not called nothing. D6
  EXPECT_EQ(loss_in_words(lossy_incident()),
            "DATA LOSS: every row of shop.public.orders; 41 rows.");
  auto incident = whole_incident();
  EXPECT_EQ(loss_in_words(incident), "No row was lost.");
  incident.rows_lost = 1;
  EXPECT_EQ(loss_in_words(incident), "DATA LOSS: 1 row.");
  incident.rows_lost = std::nullopt;
  EXPECT_EQ(loss_in_words(incident), "No loss was found.");
  incident.state = IncidentState::Recovering;
  EXPECT_EQ(loss_in_words(incident), "Whether anything was lost is not known yet.");
}

TEST(TimelineText, IsReadByANewcomer) {
  // The whole screen, as it is documented.
  EXPECT_EQ(render_timeline(whole_incident(), {}),
            R"(Incident 2026-11-21-003: server killed, instance (closed)
The server's main process was killed.

2026-11-21 UTC
03:04:04.988    +0 ms  ✗ failed   instance (earliest time it can have been)
03:04:04.988    +0 ms  · seen     process: postmaster 4242 ended by signal 9
03:04:05.000   +12 ms  ! noticed  server killed, 98 % sure
03:04:05.003   +15 ms  · seen     login: connection refused
03:04:05.015   +27 ms  → acted    start server: pg_ctl start -D /srv/main: done
                                  in 212 ms (pid 4300)
03:04:05.250  +262 ms  ✗ checked  login: FAILED (starting up)
03:04:05.260  +272 ms  ✓ checked  login: passed (2 ms)
03:04:05.270  +282 ms  ✓ checked  write: passed
03:04:05.290  +302 ms  ● back     service restored
03:14:05.290  +10 min  ■ closed   the watch ended

Noticed 12 ms after the failure; service was back 290 ms later.
No row was lost.
)");
}

TEST(TimelineText, KeepsRedForLoss) {
  // Colour only when asked for; red only where data is gone, and then before everything else.
  const std::string red = "\x1b[1;31m";
  const Style colours{.colour = Colour::Ansi, .width = 100};
  EXPECT_THAT(render_timeline(whole_incident(), {}), Not(HasSubstr("\x1b")));
  EXPECT_THAT(render_timeline(whole_incident(), colours), HasSubstr("\x1b[32m"));
  EXPECT_THAT(render_timeline(whole_incident(), colours), Not(HasSubstr(red)));
  EXPECT_THAT(lines_of(render_timeline(lossy_incident(), colours)).at(1),
              testing::StartsWith(red + "DATA LOSS"));
  EXPECT_THAT(render_timeline(lossy_incident(), {}), Not(HasSubstr("\x1b")));
}

TEST(TimelineText, FitsTheTerminal) {
  // No line is wider than the terminal, down to the narrowest that is used.
  auto incident = lossy_incident();
  incident.evidence.push_back({at(5), "server_log", std::string(300, 'x') + " and more words"});
  for (const std::size_t width : {40U, 57U, 58U, 80U, 120U})
    for (const auto& line : lines_of(render_timeline(incident, {.colour = {}, .width = width})))
      EXPECT_LE(columns_of(line), width) << line;
}

TEST(TimelineText, NamesTheDayWhenItChanges) {
  // An incident over midnight shows both days.
  auto incident = whole_incident();
  incident.closed_at = at(86'400'000);
  const auto text = render_timeline(incident, {});
  EXPECT_THAT(text, HasSubstr("2026-11-21 UTC\n"));
  EXPECT_THAT(text, HasSubstr("2026-11-22 UTC\n"));
}

TEST(TimelineText, HoldsForAnEmptyIncident) {
  // An incident just opened, with nothing known, is still a page.
  const auto text = render_timeline(Incident{}, {});
  EXPECT_THAT(text, HasSubstr("not known"));
}

}  // namespace
}  // namespace pgkeel::incident
