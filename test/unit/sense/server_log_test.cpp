// What is kept of the server's log, on texts in the server's form and on a recorded log.
#include "sense/server_log.hpp"

#include <gmock/gmock.h>

#include "unit/pg/recorded.hpp"

namespace pgkeel::sense {
namespace {

using pg::Signature;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr SteadyTime kNow{Seconds(1000)};

std::string line(std::string_view severity, std::string_view message) {
  return "2026-11-21 03:04:05.123 UTC [100] " + std::string(severity) + ":  " +
         std::string(message) + "\n";
}

std::vector<Signature> signatures(const std::string& text) {
  std::vector<Signature> found;
  for (const auto& entry : server_log_facts(pg::ServerLogFormat::Stderr, text, kNow).entries)
    found.push_back(entry.signature);
  return found;
}

TEST(ServerLogFacts, KeepWhatFollowsTheLastReady) {
  // Goal: what was said before the server last was ready explains nothing now.
  const auto text = line("LOG", "received immediate shutdown request") +
                    line("LOG", "database system is ready to accept connections") +
                    line("LOG", "received fast shutdown request") +
                    line("LOG", "database system is shut down");
  EXPECT_THAT(signatures(text), ElementsAre(Signature::ShutdownFast, Signature::ShutdownDone));
}

TEST(ServerLogFacts, PassOverLinesWithoutMeaning) {
  // Goal: ordinary lines and an unfinished first line of a tail are no entries.
  EXPECT_THAT(signatures("half a line\n" + line("LOG", "checkpoint starting: time")), IsEmpty());
  EXPECT_THAT(signatures(""), IsEmpty());
}

TEST(ServerLogFacts, JoinTheDetailToTheMessage) {
  // Goal: the evidence is readable without the log.
  const auto text = line("FATAL", "database files are incompatible with server") +
                    line("DETAIL", "The data directory was initialized by PostgreSQL version 14.");
  const auto facts = server_log_facts(pg::ServerLogFormat::Stderr, text, kNow);
  ASSERT_EQ(facts.entries.size(), 1U);
  EXPECT_EQ(facts.at, kNow);
  EXPECT_THAT(facts.entries[0].text, HasSubstr("incompatible"));
  EXPECT_THAT(facts.entries[0].text, HasSubstr("(The data directory was"));
}

TEST(ServerLogFacts, AreBounded) {
  // Goal: a log full of trouble keeps the first fifty entries, which explain the rest.
  std::string text = line("LOG", "received fast shutdown request");
  for (int i = 0; i < 500; ++i) text += line("LOG", "database system is shut down");
  const auto found = signatures(text);
  EXPECT_EQ(found.size(), 50U);
  EXPECT_EQ(found.front(), Signature::ShutdownFast);
}

TEST(ServerLogFacts, AllFormsOfARecordedLogTellTheSame) {
  // Goal: stderr, csv and json logs of the same server end with the same story.
  const auto plain =
      server_log_facts(pg::ServerLogFormat::Stderr, test::recorded(15, "server.log"), kNow);
  const auto csv =
      server_log_facts(pg::ServerLogFormat::Csv, test::recorded(15, "server.csv"), kNow);
  const auto json =
      server_log_facts(pg::ServerLogFormat::Json, test::recorded(15, "server.json"), kNow);
  ASSERT_FALSE(csv.entries.empty());
  EXPECT_EQ(csv.entries.back().signature, json.entries.back().signature);
  EXPECT_EQ(csv.entries.back().signature, plain.entries.back().signature);
}

TEST(ReadServerLog, AMissingLogGivesNoEntries) {
  // Goal: an unreadable log is no error and no evidence.
  EXPECT_THAT(read_server_log("/nonexistent/server.log", kNow).entries, IsEmpty());
}

}  // namespace
}  // namespace pgkeel::sense
