#include "incident/report.hpp"

#include <gmock/gmock.h>

#include "story.hpp"

namespace pgkeel::incident {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Report, HasEverySection) {
  // One page with what happened, when, why, what was done, checked, lost and remains. D15
  const auto report = markdown_report(whole_incident());
  std::size_t at = 0;
  for (const auto* section :
       {"# Incident 2026-11-21-003: server killed, instance\n", "## Summary\n", "## Impact\n",
        "## Timeline\n", "## Cause\n", "## What was done\n", "## What verified it\n",
        "## What was lost\n", "## What would have prevented it\n", "## Follow-ups\n"}) {
    const auto found = report.find(section, at);
    ASSERT_NE(found, std::string::npos) << section;
    at = found;
  }
  EXPECT_THAT(report, HasSubstr("noticed it on 2026-11-21 03:04:05 UTC, named the cause \"server "
                                "killed\" (98 % sure) and completed 1 step. Noticed 12 ms after "
                                "the failure; service was back 290 ms later. No row was lost. "
                                "The incident is closed."));
  EXPECT_THAT(report, HasSubstr("| 2026-11-21 03:04:05.015 | +27 ms | acted | start server"));
  EXPECT_THAT(report, HasSubstr("| 03:04:05.260 | login | passed | 2 ms |\n"));
  EXPECT_THAT(report, HasSubstr("| down for | 302 ms at most |"));
  EXPECT_THAT(report, HasSubstr("journalctl -k"));
  EXPECT_THAT(report, HasSubstr("backup is younger than 24 hours"));
  EXPECT_THAT(report, Not(HasSubstr("DATA LOSS")));
}

TEST(Report, PutsLossFirst) {
  // The first thing under the title is what is gone, in capitals. D6
  const auto report = markdown_report(lossy_incident());
  EXPECT_THAT(report, HasSubstr("shop.public.orders\n\n> **DATA LOSS: every row of "));
  EXPECT_THAT(report, HasSubstr("- rows lost: **41**"));
  EXPECT_THAT(report, HasSubstr("Tell those who own the data"));
}

TEST(Report, NamesWhatIsLeftToDo) {
  // A waiting incident, advised and interrupted steps and failed checks become tasks.
  auto incident = whole_incident();
  incident.state = IncidentState::Waiting;
  incident.cause = "something_new";
  incident.actions[0].outcome = ActionOutcome::Advised;
  incident.actions.push_back(sample_action("create_database"));
  incident.verified.push_back({at(300), "tables", false, "1 missing"});
  const auto report = markdown_report(incident);
  EXPECT_THAT(report, HasSubstr("pgkeel waits for you"));
  EXPECT_THAT(report, HasSubstr("Do what pgkeel only advised: \"start server\""));
  EXPECT_THAT(report, HasSubstr("Look whether the step \"create database\""));
  EXPECT_THAT(report, HasSubstr("Look into the failed check \"tables\""));
  EXPECT_THAT(report, HasSubstr("`pgkeel doctor`"));
}

TEST(Report, TextFromOutsideIsNoMarkdown) {
  // A server message cannot break the table, add a section or run HTML in a viewer.
  auto incident = whole_incident();
  incident.evidence = {{at(0), "server_log", "a | b\n# Fake\n<script>*x*</script> [l](u) `c`"}};
  const auto report = markdown_report(incident);
  EXPECT_THAT(report, Not(HasSubstr("\n# Fake")));
  EXPECT_THAT(report, Not(HasSubstr("<script>")));
  EXPECT_THAT(report, HasSubstr(R"(a \| b \# Fake \<script\>\*x\*)"));
}

TEST(Report, NeverExcludesWhatItTurnedOutToBe) {
  // The cause was excluded at first and named later: the last word counts.
  auto incident = whole_incident();
  incident.events.push_back({at(5), "excluded: server_killed, because it answers"});
  incident.events.push_back({at(5), "excluded: disk_full, because 1 GB is free"});
  incident.events.push_back({at(9), "excluded: disk_full, because 2 GB are free"});
  const auto report = markdown_report(incident);
  const auto cause = report.substr(report.find("## Cause"));
  const auto section = cause.substr(0, cause.find("## What was done"));
  EXPECT_THAT(section, HasSubstr("What it was not:\n\n- disk\\_full, because 2 GB are free\n"));
  EXPECT_THAT(section, Not(HasSubstr("it answers")));
  EXPECT_THAT(section, Not(HasSubstr("1 GB")));
}

TEST(Report, SaysHowTheWatchEnded) {
  // Stable or broken by what: the watch is part of what verified it. D13
  auto incident = whole_incident();
  incident.events.push_back({at(60'290), "closed: table_dropped of shop.public.orders during it"});
  EXPECT_THAT(markdown_report(incident),
              HasSubstr("The stability watch ended 1 min 0 s after recovery: table\\_dropped of "
                        "shop.public.orders during it."));
  incident.state = IncidentState::Watching;
  EXPECT_THAT(markdown_report(incident), HasSubstr("The stability watch runs"));
}

TEST(Report, GapsOfTheHouseBecomeTasks) {
  // What is missing for the next time is asked for, what could not be looked at is not claimed.
  const auto report = markdown_report(
      whole_incident(),
      {{"dead-man's switch", CheckResult::Gap, "none", "Add a dead-man's switch."},
       {"a restore was proven lately", CheckResult::NotKnown, "no guard answers", "never shown"}});
  EXPECT_THAT(report, HasSubstr("| dead-man's switch | **no** | none |\n"));
  EXPECT_THAT(report, HasSubstr("- [ ] Add a dead-man's switch.\n"));
  EXPECT_THAT(report, HasSubstr("| not known | no guard answers |"));
  EXPECT_THAT(report, Not(HasSubstr("never shown")));
}

TEST(Report, NamesWhoLooksAfterIt) {
  // An acknowledged incident says by whom. D16
  auto incident = whole_incident();
  incident.acked_at = at(90'000);
  incident.acked_by = "ann";
  EXPECT_THAT(markdown_report(incident),
              HasSubstr("| looked after by | ann, since 2026-11-21 03:05:35 UTC |"));
}

TEST(Report, HoldsForAnEmptyIncident) {
  // An incident just opened gives a report that says what is not known.
  const auto report = markdown_report(Incident{});
  EXPECT_THAT(report, HasSubstr("no evidence is on record"));
  EXPECT_THAT(report, HasSubstr("No check was made."));
  EXPECT_THAT(report, HasSubstr("not over"));
}

}  // namespace
}  // namespace pgkeel::incident
