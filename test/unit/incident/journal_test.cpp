#include "incident/journal.hpp"

#include <gmock/gmock.h>

#include "incident/statement.hpp"
#include "incident/store_connection.hpp"
#include "samples.hpp"

namespace pgkeel::incident {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(Journal, NumbersTheIncidentsOfADay) {
  // Ids are the day in UTC and a number that starts anew each day and survives a restart. D15
  OpenStore open;
  EXPECT_EQ(open.journal.open(sample_incident()).value(), "2026-11-21-001");
  EXPECT_EQ(open.journal.open(sample_incident()).value(), "2026-11-21-002");
  open.reopen();
  EXPECT_EQ(open.journal.open(sample_incident()).value(), "2026-11-21-003");
  auto next_day = sample_incident();
  next_day.opened_at = at(86'400'000);
  EXPECT_EQ(open.journal.open(next_day).value(), "2026-11-22-001");
  EXPECT_EQ(open.journal.open(sample_incident()).value(), "2026-11-21-004");
}

TEST(Journal, GivesAnIncidentBackWhole) {
  // Every column and every appended part is read back as it was written. D15
  OpenStore open;
  auto incident = sample_incident();
  incident.evidence = {{at(-12), "process", "postmaster 4242 ended by signal 9"}};
  incident.id = open.journal.open(incident).value();
  incident.state = IncidentState::Watching;
  incident.severity = Severity::Warning;
  incident.recovered = Millis(290);
  incident.rows_lost = 0;
  incident.loss = {"table shop.public.orders\nis empty", "two \"rows\""};
  incident.summary = "Back.";
  ASSERT_TRUE(open.journal.update(incident));
  ASSERT_TRUE(open.journal.add_evidence(incident.id, {at(1), "login", "refused"}));
  ASSERT_TRUE(open.journal.add_event(incident.id, {at(2), "service restored"}));
  ASSERT_TRUE(open.journal.add_verification(incident.id, {at(3), "login", true, "2 ms"}));
  ASSERT_TRUE(open.journal.add_verification(incident.id, {at(4), "tables", false, "1 missing"}));
  const auto action = open.journal.begin_action(incident.id, sample_action()).value();
  ASSERT_TRUE(open.journal.end_action(action, ActionOutcome::Done, "pid 4300", at(200)));

  open.reopen();
  const auto read = open.journal.load(incident.id).value();
  EXPECT_EQ(read.id, "2026-11-21-001");
  EXPECT_EQ(read.opened_at, at(0));
  EXPECT_EQ(read.closed_at, std::nullopt);
  EXPECT_EQ(read.detected, Millis(12));
  EXPECT_EQ(read.recovered, Millis(290));
  EXPECT_EQ(read.cause, "server_killed");
  EXPECT_DOUBLE_EQ(read.confidence, 0.98);
  EXPECT_EQ(read.subject, "instance");
  EXPECT_EQ(read.severity, Severity::Warning);
  EXPECT_EQ(read.state, IncidentState::Watching);
  EXPECT_EQ(read.summary, "Back.");
  EXPECT_EQ(read.loss, incident.loss);
  EXPECT_EQ(read.rows_lost, 0);
  ASSERT_EQ(read.evidence.size(), 2);
  EXPECT_EQ(read.evidence[0].source, "process");
  EXPECT_EQ(read.evidence[0].at, at(-12));
  EXPECT_EQ(read.evidence[1].text, "refused");
  ASSERT_EQ(read.events.size(), 1);
  EXPECT_EQ(read.events[0].text, "service restored");
  ASSERT_EQ(read.verified.size(), 2);
  EXPECT_TRUE(read.verified[0].passed);
  EXPECT_FALSE(read.verified[1].passed);
  EXPECT_EQ(read.verified[1].note, "1 missing");
  ASSERT_EQ(read.actions.size(), 1);
  EXPECT_EQ(read.actions[0].id, action);
  EXPECT_EQ(read.actions[0].playbook, "restart");
  EXPECT_EQ(read.actions[0].step, "start_server");
  EXPECT_EQ(read.actions[0].detail, "pg_ctl start -D /srv/main");
  EXPECT_EQ(read.actions[0].started_at, at(15));
  EXPECT_EQ(read.actions[0].ended_at, at(200));
  EXPECT_EQ(read.actions[0].outcome, ActionOutcome::Done);
  EXPECT_EQ(read.actions[0].note, "pid 4300");
}

TEST(Journal, LeavesABegunActionPending) {
  // What the next guard sees after a crash between intent and outcome: a Pending action. A9
  OpenStore open;
  const auto id = open.journal.open(sample_incident()).value();
  const auto action = open.journal.begin_action(id, sample_action()).value();
  open.reopen();
  const auto unfinished = open.journal.unfinished().value();
  ASSERT_EQ(unfinished.size(), 1);
  ASSERT_EQ(unfinished[0].actions.size(), 1);
  EXPECT_EQ(unfinished[0].actions[0].id, action);
  EXPECT_EQ(unfinished[0].actions[0].outcome, ActionOutcome::Pending);
  EXPECT_EQ(unfinished[0].actions[0].ended_at, std::nullopt);
}

TEST(Journal, EndsAnActionOnce) {
  // An outcome is final; only an interrupted step may still be judged by the next guard.
  OpenStore open;
  const auto id = open.journal.open(sample_incident()).value();
  const auto first = open.journal.begin_action(id, sample_action()).value();
  ASSERT_TRUE(open.journal.end_action(first, ActionOutcome::Failed, "no", at(20)));
  EXPECT_EQ(open.journal.end_action(first, ActionOutcome::Done, "", at(21)).error().code,
            ErrorCode::WrongState);
  const auto second = open.journal.begin_action(id, sample_action()).value();
  EXPECT_GT(second, first);
  ASSERT_TRUE(open.journal.end_action(second, ActionOutcome::Interrupted, "", at(22)));
  ASSERT_TRUE(open.journal.end_action(second, ActionOutcome::Done, "it ran", at(23)));
  EXPECT_EQ(open.journal.end_action(999, ActionOutcome::Done, "", at(24)).error().code,
            ErrorCode::NotFound);
  const auto read = open.journal.load(id).value();
  EXPECT_EQ(read.actions[0].outcome, ActionOutcome::Failed);
  EXPECT_EQ(read.actions[1].outcome, ActionOutcome::Done);
}

TEST(Journal, AnAcknowledgementIsKeptAndNotOverwritten) {
  // Who looks after it survives a restart and the guard's own updates; the last one counts; of a
  // closed incident there is nothing to look after (D16).
  OpenStore open;
  auto incident = sample_incident();
  incident.id = open.journal.open(incident).value();
  EXPECT_FALSE(open.journal.load(incident.id)->acked_at);
  ASSERT_TRUE(open.journal.acknowledge(incident.id, "ann", at(100)));
  incident.summary = "another";
  ASSERT_TRUE(open.journal.update(incident));
  open.reopen();
  auto loaded = open.journal.load(incident.id).value();
  EXPECT_EQ(loaded.acked_at, at(100));
  EXPECT_EQ(loaded.acked_by, "ann");
  EXPECT_EQ(loaded.events.back().text, "acknowledged by ann");
  ASSERT_TRUE(open.journal.acknowledge(incident.id, "bob password=hunter2", at(200)));
  EXPECT_EQ(open.journal.load(incident.id)->acked_by, "bob password=********");
  EXPECT_EQ(open.journal.acknowledge("2026-01-01-009", "ann", at(0)).error().code,
            ErrorCode::NotFound);
  loaded.state = IncidentState::Closed;
  ASSERT_TRUE(open.journal.update(loaded));
  EXPECT_EQ(open.journal.acknowledge(incident.id, "eve", at(300)).error().code,
            ErrorCode::WrongState);
}

TEST(Journal, RefusesAnUnknownIncident) {
  // Nothing can be appended to, read from or changed in an incident that is not there.
  OpenStore open;
  auto incident = sample_incident();
  incident.id = "2026-11-21-009";
  EXPECT_EQ(open.journal.load(incident.id).error().code, ErrorCode::NotFound);
  EXPECT_EQ(open.journal.update(incident).error().code, ErrorCode::NotFound);
  EXPECT_EQ(open.journal.add_event(incident.id, {at(0), "x"}).error().code, ErrorCode::NotFound);
  EXPECT_EQ(open.journal.add_evidence(incident.id, {}).error().code, ErrorCode::NotFound);
  EXPECT_EQ(open.journal.add_verification(incident.id, {}).error().code, ErrorCode::NotFound);
  EXPECT_EQ(open.journal.begin_action(incident.id, sample_action()).error().code,
            ErrorCode::NotFound);
}

TEST(Journal, KeepsAClosedIncidentClosed) {
  // Closed is final: its words may be mended, its state may not.
  OpenStore open;
  auto incident = sample_incident();
  incident.id = open.journal.open(incident).value();
  incident.state = IncidentState::Closed;
  incident.closed_at = at(600'000);
  ASSERT_TRUE(open.journal.update(incident));
  incident.summary = "root cause found";
  ASSERT_TRUE(open.journal.update(incident));
  incident.state = IncidentState::Recovering;
  EXPECT_EQ(open.journal.update(incident).error().code, ErrorCode::WrongState);
  EXPECT_EQ(open.journal.load(incident.id)->state, IncidentState::Closed);
  EXPECT_EQ(open.journal.load(incident.id)->summary, "root cause found");
  EXPECT_THAT(open.journal.unfinished().value(), IsEmpty());
}

TEST(Journal, ListsNewestFirst) {
  // list() is for a screen: newest first, at most so many, without the parts.
  OpenStore open;
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(open.journal.open(sample_incident()).value());
  ASSERT_TRUE(open.journal.add_event(ids[4], {at(0), "x"}));
  const auto listed = open.journal.list(2).value();
  ASSERT_EQ(listed.size(), 2);
  EXPECT_EQ(listed[0].id, ids[4]);
  EXPECT_EQ(listed[1].id, ids[3]);
  EXPECT_THAT(listed[0].events, IsEmpty());
  const auto unfinished = open.journal.unfinished().value();
  ASSERT_EQ(unfinished.size(), 5);
  EXPECT_EQ(unfinished[0].id, ids[0]) << "oldest first";
}

TEST(Journal, StoresNoSecrets) {
  // Every text is redacted before it reaches the file: safety rule 12.
  OpenStore open;
  auto incident = sample_incident();
  incident.summary = "password=hunter2";
  incident.loss = {"token: hunter2"};
  incident.id = open.journal.open(incident).value();
  ASSERT_TRUE(open.journal.add_evidence(incident.id, {at(0), "x", "postgres://u:hunter2@h/d"}));
  ASSERT_TRUE(open.journal.add_event(incident.id, {at(0), "PASSWORD 'hunter2'"}));
  ASSERT_TRUE(open.journal.add_verification(incident.id, {at(0), "x", true, "pwd=hunter2"}));
  auto action = sample_action();
  action.detail = "psql postgresql://u:hunter2@h";
  const auto id = open.journal.begin_action(incident.id, action).value();
  ASSERT_TRUE(open.journal.end_action(id, ActionOutcome::Failed, "secret=hunter2", at(1)));
  const auto read = open.journal.load(incident.id).value();
  for (const auto& text :
       {read.summary, read.loss.at(0), read.evidence.at(0).text, read.events.at(0).text,
        read.verified.at(0).note, read.actions.at(0).detail, read.actions.at(0).note}) {
    EXPECT_THAT(text, Not(HasSubstr("hunter2")));
    EXPECT_THAT(text, HasSubstr("********"));
  }
}

TEST(Journal, BoundsTextsAndRows) {
  // One flapping incident cannot fill the disk: long texts are cut, the thousandth row is the last.
  OpenStore open;
  const auto id = open.journal.open(sample_incident()).value();
  ASSERT_TRUE(open.journal.add_evidence(id, {at(0), "log", std::string(1 << 20, 'x')}));
  EXPECT_LT(open.journal.load(id)->evidence.at(0).text.size(), 20'000);
  auto full = sample_incident();
  for (int i = 0; i < 999; ++i) full.events.push_back({at(i), "event"});
  full.id = open.journal.open(full).value();
  ASSERT_TRUE(open.journal.add_event(full.id, {at(999), "the last"}));
  ASSERT_TRUE(open.journal.add_event(full.id, {at(1'000), "one too many"}));
  const auto read = open.journal.load(full.id).value();
  ASSERT_EQ(read.events.size(), 1'000);
  EXPECT_EQ(read.events.back().text, "the last");
}

TEST(Journal, PrunesOnlyClosedIncidents) {
  // Beyond kIncidentsKept the oldest closed incidents go with their parts; an open one never does.
  OpenStore open;
  const auto kept_open = open.journal.open(sample_incident()).value();
  auto closed = sample_incident();
  closed.state = IncidentState::Closed;
  const auto first_closed = open.journal.open(closed).value();
  ASSERT_TRUE(open.journal.add_event(first_closed, {at(0), "x"}));
  {
    auto held = open.store->connection().hold();
    ASSERT_TRUE(held.db.run(
        "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
        "INSERT INTO incidents (id, opened_at, cause, confidence, subject, severity, state, "
        "summary, loss) SELECT '2026-11-21-' || printf('%03d', i), 0, '', 0, '', 'info', "
        "'closed', '', '[]' FROM n",
        kIncidentsKept + 1));
    ASSERT_TRUE(held.db.run("UPDATE incident_days SET last = ?", kIncidentsKept + 1));
  }
  EXPECT_TRUE(open.journal.load(first_closed)) << "exactly as many as are kept";
  EXPECT_EQ(open.journal.open(closed).value(), "2026-11-21-1002");
  EXPECT_TRUE(open.journal.load(kept_open));
  EXPECT_EQ(open.journal.load(first_closed).error().code, ErrorCode::NotFound);
  EXPECT_EQ(open.journal.list(9'999)->size(), kIncidentsKept + 1U);
}

TEST(Journal, NumbersAreNotUsedAgainWhenTheClockGoesBack) {
  // A clock set back to a day already used continues that day's numbers.
  OpenStore open;
  auto later = sample_incident();
  later.opened_at = at(86'400'000);
  ASSERT_TRUE(open.journal.open(sample_incident()));
  ASSERT_TRUE(open.journal.open(later));
  EXPECT_EQ(open.journal.open(sample_incident()).value(), "2026-11-21-002");
}

}  // namespace
}  // namespace pgkeel::incident
