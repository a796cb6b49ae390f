// A log as stories: what belongs together, what is only a consequence, what is gravest.
#include "diagnose/log_story.hpp"

#include <gmock/gmock.h>

#include <set>

#include "pg/log_line.hpp"
#include "sense/log_history.hpp"
#include "unit/pg/recorded.hpp"

namespace pgkeel::diagnose {
namespace {

using pg::Signature;
using sense::LogEvent;

constexpr WallTime kBegan{Seconds(1'800'000'000)};

LogEvent event(Signature signature, Seconds after, std::string text = "") {
  LogEvent event;
  event.signature = signature;
  event.at = kBegan + after;
  event.text = std::move(text);
  return event;
}

TEST(LogStory, ConsequencesAreFoldedUnderTheirCause) {
  // Goal: K1 K3 K5: one killed process, not five troubles; one of them was written before it.
  const auto stories = tell(std::vector{
      event(Signature::CrashCollateral, Seconds(0)), event(Signature::ProcessKilled, Seconds(1)),
      event(Signature::CrashRestart, Seconds(1)), event(Signature::Interrupted, Seconds(1)),
      event(Signature::NotYetAccepting, Seconds(2)), event(Signature::Ready, Seconds(3))});
  ASSERT_EQ(stories.size(), 1U);
  EXPECT_EQ(stories[0].signature, Signature::ProcessKilled);
  EXPECT_EQ(stories[0].times, 1);
  EXPECT_EQ(stories[0].brought_along.size(), 4U);
}

TEST(LogStory, TheEarliestCauseExplainsTheWholeChain) {
  // Goal: K7 K8: a failing archive filled the disk that killed the server.
  const auto stories = tell(std::vector{event(Signature::ArchiveCommandFailed, Seconds(0), "why"),
                                        event(Signature::WalDiskFull, Seconds(60)),
                                        event(Signature::ProcessCrashed, Seconds(60)),
                                        event(Signature::Interrupted, Seconds(61))});
  ASSERT_EQ(stories.size(), 1U);
  EXPECT_EQ(stories[0].signature, Signature::ArchiveCommandFailed);
  EXPECT_EQ(stories[0].text, "why");
}

TEST(LogStory, WhatComesMuchLaterIsItsOwn) {
  // Goal: a crash an hour ago explains no refused login now.
  const auto stories = tell(std::vector{event(Signature::ProcessKilled, Seconds(0)),
                                        event(Signature::TooManyClients, Seconds(3600))});
  ASSERT_EQ(stories.size(), 2U);
}

TEST(LogStory, TheGravestComesFirstAndIsCounted) {
  // Goal: C6: forty deadlocks stand behind one damaged page.
  std::vector<LogEvent> events;
  for (int i = 0; i < 40; ++i) events.push_back(event(Signature::Deadlock, Seconds(i)));
  events.push_back(event(Signature::PageCorrupt, Seconds(5)));
  const auto stories = tell(events);
  ASSERT_EQ(stories.size(), 2U);
  EXPECT_EQ(stories[0].signature, Signature::PageCorrupt);
  EXPECT_EQ(stories[1].times, 40);
  EXPECT_EQ(stories[1].last, kBegan + Seconds(39));
}

TEST(LogStory, ARecordedFullWalDiskIsOneStory) {
  // Goal: K7: what a real server logged when its WAL disk was full, from PANIC to the end.
  const auto text = test::recorded(15, "troubles.csv");
  const auto begin = text.find("### wal_disk_full\n");
  const auto section = text.substr(begin, text.find("### ", begin + 4) - begin);
  const auto history = sense::log_history(pg::ServerLogFormat::Csv, section, WallTime{});
  const auto stories = tell(history.events);
  ASSERT_FALSE(stories.empty());
  EXPECT_EQ(stories[0].signature, Signature::WalDiskFull);
  for (const auto& story : stories)
    EXPECT_TRUE(story.signature == Signature::WalDiskFull ||
                story.signature == Signature::ShutdownImmediate)
        << pg::to_string(story.signature);
}

TEST(LogMeaning, IsWholeAndHasNoCircle) {
  // Goal: one row a signature; nothing explains itself through others, so every chain ends.
  std::set<Signature> seen;
  for (const auto& row : log_meanings()) {
    EXPECT_TRUE(seen.insert(row.signature).second) << pg::to_string(row.signature);
    EXPECT_FALSE(row.sentence.empty());
    if (row.severity == incident::Severity::Critical &&
        row.signature != Signature::SyncWaitCanceled)
      EXPECT_FALSE(row.advice.empty()) << pg::to_string(row.signature);
  }
  std::map<Signature, std::set<Signature>> reached;
  for (const auto& from : log_meanings())
    for (const auto& to : log_meanings())
      if (explains(from.signature, to.signature)) reached[from.signature].insert(to.signature);
  for (std::size_t round = 0; round < log_meanings().size(); ++round)
    for (auto& [from, targets] : reached)
      for (const auto to : std::set(targets))
        targets.insert(reached[to].begin(), reached[to].end());
  for (const auto& [from, targets] : reached)
    EXPECT_FALSE(targets.contains(from)) << pg::to_string(from);
}

TEST(LogMeaning, EverySignatureWithAReferenceMeansSomething) {
  // Goal: no row of the fault signatures is recognised and then not told.
  for (const auto& row : pg::signature_table())
    if (!row.reference.empty()) EXPECT_NE(meaning_of(row.signature), nullptr) << row.name;
}

}  // namespace
}  // namespace pgkeel::diagnose
