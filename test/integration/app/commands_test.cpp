// The commands against the real API.
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "incident/evidence_store.hpp"
#include "integration/app/binary.hpp"
#include "integration/app/fake_guard.hpp"
#include "runtime/files.hpp"

namespace pgkeel::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Commands : public testing::Test {
 protected:
  Ran run(std::vector<std::string> args) const {
    args.insert(args.end(), {"--state-dir", (binary.dir() / "s").string()});
    return binary.run(args);
  }
  Binary binary;
  FakeGuard guard{binary.dir() / "s"};
};

TEST_F(Commands, StatusShowsTheSnapshot) {
  // Goal: text for people without colours in a pipe, the API's JSON untouched with --json.
  guard.snapshot.missing_relations = {"shop.public.orders"};
  const auto text = run({"status"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("managed postgresql@15-main at /pg"));
  EXPECT_THAT(text.out, HasSubstr("no archive configured"));
  EXPECT_THAT(text.out, Not(HasSubstr("\033")));
  const auto json = nlohmann::json::parse(run({"status", "--json"}).out, nullptr, false);
  EXPECT_EQ(json["state"], "up");
  EXPECT_EQ(json["missing_relations"][0], "shop.public.orders");
  EXPECT_EQ(run({"undrop", "list"}).out, "table     shop.public.orders\n");
}

TEST_F(Commands, PauseAndResumeReachTheGuard) {
  // Goal: the duration arrives in milliseconds, none means until resumed.
  EXPECT_THAT(run({"pause", "--for", "2h"}).out, StartsWith("Paused for 2 h 0 min, until "));
  EXPECT_THAT(run({"pause"}).out, HasSubstr("until 'pgkeel resume'"));
  EXPECT_EQ(run({"resume"}).exit_code, 0);
  EXPECT_THAT(guard.asked(), ElementsAre("pause 7200000", "pause", "resume"));
}

TEST_F(Commands, UnfenceAsksFirst) {
  // Goal: without --yes nothing reaches the guard and the exit code is 4; with it, who asked (X8).
  const auto unsure = run({"unfence"});
  EXPECT_EQ(unsure.exit_code, 4);
  EXPECT_THAT(unsure.err, HasSubstr("--yes"));
  EXPECT_THAT(unsure.err, HasSubstr("give /data back, which is fenced by pgkeel"));
  EXPECT_TRUE(guard.asked().empty());
  const auto sure = run({"unfence", "--yes"});
  EXPECT_EQ(sure.exit_code, 0);
  EXPECT_THAT(sure.out, HasSubstr("give /data back"));
  EXPECT_THAT(guard.asked(), ElementsAre(StartsWith("unfence ")));
}

TEST_F(Commands, AckNamesIncidentAndPerson) {
  // Goal: the newest when none is named, another by its id; who asks when nobody is named (D16).
  incident::Incident incident;
  incident.id = "2026-11-21-002";
  guard.incidents = {incident};
  const auto acked = run({"incident", "ack", "--by", "ann"});
  EXPECT_EQ(acked.exit_code, 0) << acked.err;
  EXPECT_THAT(acked.out, HasSubstr("Acknowledged 2026-11-21-002: ann looks after it"));
  EXPECT_EQ(run({"incident", "ack", "2026-11-21-001"}).exit_code, 0);
  EXPECT_THAT(guard.asked(),
              ElementsAre("ack 2026-11-21-002 by ann", StartsWith("ack 2026-11-21-001 by ")));
  guard.refusal = ErrorCode::WrongState;
  EXPECT_EQ(run({"incident", "ack", "2026-11-21-001"}).exit_code, 3);
}

TEST_F(Commands, AllReportsMakeAnIndex) {
  // Goal: --all is an index, with --out a directory with a report an incident; the report says how
  // backups and alerts stand (D15).
  for (const auto* id : {"2026-11-21-002", "2026-11-21-001"}) {
    incident::Incident incident;
    incident.id = id;
    incident.cause = "server_killed";
    incident.subject = "instance";
    guard.incidents.push_back(incident);
  }
  EXPECT_THAT(run({"incident", "report", "--all"}).out, HasSubstr("](2026-11-21-001.md)"));
  EXPECT_EQ(run({"incident", "report", "--all", "--out", "reports"}).exit_code, 0);
  const auto index = runtime::read_file(binary.dir() / "reports/index.md", 1U << 20U);
  const auto one = runtime::read_file(binary.dir() / "reports/2026-11-21-002.md", 1U << 20U);
  ASSERT_TRUE(index && one);
  EXPECT_THAT(*index, HasSubstr("2 incidents, newest first"));
  EXPECT_THAT(*one, StartsWith("# Incident 2026-11-21-002"));
  EXPECT_EQ(run({"incident", "report", "--all", "last"}).exit_code, 2);
  const auto now = run({"incident", "report", "last"}).out;
  EXPECT_THAT(now, HasSubstr("| archive takes the WAL | **no** | none is configured"));
  EXPECT_THAT(now, HasSubstr("| dead-man's switch | **no** |"));
}

TEST_F(Commands, ForgetTellsTablesFromDatabases) {
  // Goal: three parts are a table, one is a database; quoted names keep their dots.
  EXPECT_EQ(run({"undrop", "forget", "shop.public.orders"}).exit_code, 0);
  EXPECT_EQ(run({"undrop", "forget", "shop"}).exit_code, 0);
  EXPECT_THAT(guard.asked(), ElementsAre("forget public.orders in shop", "forget database shop"));
}

TEST_F(Commands, TheGuardsRefusalIsTheCommandsExit) {
  // Goal: advice only is 7, a refusal 4, with the guard's own words.
  guard.refusal = ErrorCode::AdviceOnly;
  const auto advice = run({"resume"});
  EXPECT_EQ(advice.exit_code, 7);
  EXPECT_THAT(advice.err, HasSubstr("pgkeel: the guard says no\nHINT: "));
  guard.refusal = ErrorCode::Refused;
  EXPECT_EQ(run({"resume"}).exit_code, 4);
}

TEST_F(Commands, IncidentsAreListedShownAndReported) {
  // Goal: list, show by id and by "last", a report in a file, and 3 for an unknown id.
  incident::Incident incident;
  incident.id = "2026-11-21-001";
  incident.opened_at = wall_now();
  incident.cause = "server_killed";
  incident.subject = "instance";
  incident.state = incident::IncidentState::Closed;
  guard.incidents = {incident};
  EXPECT_THAT(run({"incident", "list"}).out, HasSubstr("2026-11-21-001"));
  EXPECT_THAT(run({"incident", "show", "2026-11-21-001"}).out, HasSubstr("server killed"));
  EXPECT_THAT(run({"incident", "show"}).out, HasSubstr("server killed"));
  EXPECT_EQ(run({"incident", "show", "2026-01-01-009"}).exit_code, 3);
  EXPECT_EQ(run({"incident", "show", "../status"}).exit_code, 3);
  EXPECT_EQ(run({"incident", "report", "last", "--out", "report.md"}).exit_code, 0);
  EXPECT_THAT(binary.listing(), testing::Contains("report.md"));
}

TEST_F(Commands, AnIncidentIsBundledWithItsEvidence) {
  // Goal: C2 X10: one file for its owner with incident, report and what was kept; without evidence
  // it says so, and a damaged one is an error and no bundle.
  incident::Incident incident;
  incident.id = "2026-11-21-001";
  incident.opened_at = wall_now();
  incident.cause = "server_killed";
  guard.incidents = {incident};
  const auto bare = run({"incident", "report", "last", "--bundle", "bare.json"});
  EXPECT_EQ(bare.exit_code, 0) << bare.err;
  EXPECT_THAT(bare.err, HasSubstr("No evidence of 2026-11-21-001 was kept"));
  ASSERT_TRUE(incident::keep_evidence(binary.dir() / "s", incident.id, R"({"process":"absent"})"));
  EXPECT_EQ(run({"incident", "report", "last", "--bundle", "whole.json"}).exit_code, 0);
  const auto file = binary.dir() / "whole.json";
  const auto text = runtime::read_file(file, 1U << 20U).value_or("");
  const auto whole = nlohmann::json::parse(text, nullptr, false);
  EXPECT_EQ(whole["incident"]["id"], "2026-11-21-001");
  EXPECT_EQ(whole["evidence"]["process"], "absent");
  EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0600));
  ASSERT_TRUE(incident::keep_evidence(binary.dir() / "s", incident.id, "{half"));
  EXPECT_EQ(run({"incident", "report", "last", "--bundle", "no.json"}).exit_code, 1);
  EXPECT_THAT(binary.listing(), Not(testing::Contains("no.json")));
}

TEST_F(Commands, LogsShowTheirEnd) {
  // Goal: the last lines of either log, as lines or as one object.
  EXPECT_EQ(run({"logs", "-n", "2"}).out, "second\nthird\n");
  EXPECT_EQ(run({"logs", "guard"}).out, "guard started\n");
  EXPECT_EQ(run({"logs", "--json", "-n", "1"}).out,
            "{\"source\":\"postgres\",\"lines\":[\"third\"]}\n");
}

}  // namespace
}  // namespace pgkeel::test
