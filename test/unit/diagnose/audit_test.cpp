// The night's questions: an answer stands on evidence, and what is not known is said to be so.
#include "diagnose/audit.hpp"

#include <gmock/gmock.h>

#include "diagnose/excluded.hpp"
#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::diagnose {
namespace {

using namespace pgkeel::test;
using testing::HasSubstr;

History quiet_history() {
  History history;
  history.since = kWall - std::chrono::hours(48);
  history.log.begins = history.since;
  return history;
}

Answer answer_to(const Instance& instance, const History& history, std::string_view name) {
  for (auto& answer : audit(instance.as_case(), history))
    if (answer.name == name) return answer;
  ADD_FAILURE() << "no question " << name;
  return {};
}

TEST(Audit, EveryQuestionIsAnsweredOrSaidToBeOpen) {
  // Goal: C6: nothing seen at all: no answer is "no".
  sense::Observation nothing;
  const Known known;
  const Case blank{nothing, known, kNow, kWall};
  History history = quiet_history();
  history.log.unavailable = history.updates_unavailable = history.kernel_unavailable = "not here";
  const auto answers = audit(blank, history);
  EXPECT_EQ(answers.size(), 9U);
  for (const auto& answer : answers) {
    EXPECT_EQ(answer.kind, Answer::Kind::Unknown) << answer.name << ": " << answer.text;
    EXPECT_FALSE(answer.text.empty()) << answer.name;
  }
}

TEST(Audit, AStrangersDataIsNotTheKnownVolume) {
  // Goal: C6 D2: the volume is there, and is another one.
  auto instance = healthy();
  EXPECT_EQ(answer_to(instance, quiet_history(), "volume").kind, Answer::Kind::Fine);
  instance.known.identity->system_id = kStranger;
  const auto answer = answer_to(instance, quiet_history(), "volume");
  EXPECT_EQ(answer.kind, Answer::Kind::Notable);
  EXPECT_THAT(answer.text, HasSubstr("another cluster"));
}

TEST(Audit, WhoDroppedWhatAndWhen) {
  // Goal: C6: the log names role, application and statement; the guard's own incident stands
  // beside.
  auto history = quiet_history();
  history.log.destructions = {
      {kWall - Seconds(60), 7, "app", "shop", "psql", "drop table orders cascade"}};
  incident::Incident incident;
  incident.cause = "table_dropped";
  incident.subject = "shop.public.orders";
  incident.opened_at = kWall - Seconds(59);
  history.incidents = {incident};
  const auto answer = answer_to(healthy(), history, "removed");
  EXPECT_EQ(answer.kind, Answer::Kind::Notable);
  EXPECT_THAT(answer.text, HasSubstr("role app in shop by psql: drop table orders cascade"));
  EXPECT_THAT(answer.text, HasSubstr("table_dropped shop.public.orders"));
}

TEST(Audit, TheRecordOfDdlNamesRoleAndAddress) {
  // Goal: C4 C6: what the guard kept and what the log still has are told once, the newest first;
  // a refused drop removed nothing, and log_statement's repetition is not told again.
  auto history = quiet_history();
  pg::DdlLine line;
  line.at = kWall - Seconds(60);
  line.pid = 7;
  line.database = "shop";
  line.role = line.login = "app";
  line.application = "node";
  line.address = "10.0.0.5";
  line.tag = "DROP TABLE";
  line.outcome = "refused";
  line.objects = {"table public.kept"};
  line.count = 1;
  history.log.ddl = {line};
  EXPECT_EQ(answer_to(healthy(), history, "removed").kind, Answer::Kind::Fine);

  line.outcome = "allowed by window";
  line.objects = {"table public.orders"};
  line.at += Seconds(10);
  history.ddl = history.log.ddl = {line};
  history.log.destructions = {{line.at, 7, "app", "shop", "node", "drop table orders"},
                              {line.at, 7, "app", "shop", "node", "truncate lines"}};
  const auto answer = answer_to(healthy(), history, "removed");
  EXPECT_EQ(answer.kind, Answer::Kind::Notable);
  EXPECT_THAT(answer.text, HasSubstr("in shop: DROP TABLE table public.orders by role app "
                                     "(application node, from 10.0.0.5), allowed by window; "));
  EXPECT_THAT(answer.text, HasSubstr("truncate lines"));
  EXPECT_THAT(answer.text, testing::Not(HasSubstr("drop table orders")));
}

TEST(Audit, AShortLogIsNoAnswer) {
  // Goal: C6: the last lines of an engine's log, or one that was rotated away: not "nobody did".
  auto history = quiet_history();
  EXPECT_EQ(answer_to(healthy(), history, "stopped").kind, Answer::Kind::Fine);
  history.log.begins = kWall - Seconds(600);
  for (const auto* question : {"stopped", "removed"}) {
    const auto answer = answer_to(healthy(), history, question);
    EXPECT_EQ(answer.kind, Answer::Kind::Unknown) << question;
    EXPECT_THAT(answer.text, HasSubstr("what was before is not in it"));
  }
}

TEST(Audit, TheEngineAndTheUnitAreWitnesses) {
  // Goal: C6 D3: a volume the engine removed, kept by the guard; how systemd saw the unit end.
  auto history = quiet_history();
  history.engine_events = {{kWall - Seconds(90'000), "container pg: start"},
                           {kWall - Seconds(80'000), "volume pgdata: destroy"}};
  const auto removed = answer_to(healthy(), history, "removed");
  EXPECT_EQ(removed.kind, Answer::Kind::Notable);
  EXPECT_THAT(removed.text, HasSubstr("engine: volume pgdata: destroy"));
  EXPECT_THAT(removed.text, testing::Not(HasSubstr("start")));
  history.unit = {"postgresql@15-main.service", "failed (failed), result signal", true};
  const auto restarted = answer_to(healthy(), history, "restarted");
  EXPECT_EQ(restarted.kind, Answer::Kind::Notable);
  EXPECT_THAT(restarted.text, HasSubstr("unit postgresql@15-main.service: failed"));
}

TEST(Audit, ARebootAndAnUpdateAreNotable) {
  // Goal: C6: a machine that was rebooted last night, a server package that was upgraded.
  auto instance = healthy();
  instance.seen.host.seen = true;
  instance.seen.host.booted_at = kWall - Seconds(3600);
  auto history = quiet_history();
  history.updates = {{kWall - Seconds(4000), "postgresql-15", "15.17-1", "15.18-1"}};
  EXPECT_EQ(answer_to(instance, history, "reboot").kind, Answer::Kind::Notable);
  EXPECT_THAT(answer_to(instance, history, "updates").text, HasSubstr("15.17-1 -> 15.18-1"));
  instance.seen.host.booted_at = kWall - std::chrono::hours(24 * 30);
  EXPECT_EQ(answer_to(instance, quiet_history(), "reboot").kind, Answer::Kind::Fine);
  EXPECT_EQ(answer_to(instance, quiet_history(), "updates").kind, Answer::Kind::Fine);
}

TEST(Audit, ALowDiskIsNotable) {
  // Goal: C6 D15: under 10 GB, before anything has failed.
  auto instance = healthy();
  instance.seen.host.seen = true;
  sense::Space space;
  space.room = {100ULL << 30U, 3ULL << 30U, 10, 5};
  instance.seen.host.spaces = {space};
  EXPECT_EQ(answer_to(instance, quiet_history(), "disk").kind, Answer::Kind::Notable);
  instance.seen.host.spaces.front().room.bytes_free = 50ULL << 30U;
  EXPECT_EQ(answer_to(instance, quiet_history(), "disk").kind, Answer::Kind::Fine);
}

TEST(Excluded, SaysWhatADeadServerDidNotDieOf) {
  // Goal: C2: the volume is there, nobody asked it to stop; and nothing is excluded of a live one.
  const auto instance = killed();
  const auto rows = excluded(instance.as_case(), instance.findings());
  const auto has = [&](Cause cause) {
    return std::ranges::find(rows, cause, &Excluded::cause) != rows.end();
  };
  EXPECT_TRUE(has(Cause::VolumeLost));
  EXPECT_TRUE(has(Cause::StoppedByOperator));
  EXPECT_FALSE(has(Cause::DiskFull)) << "no disk was looked at";
  EXPECT_TRUE(excluded(healthy().as_case(), {}).empty());
}

}  // namespace
}  // namespace pgkeel::diagnose
