#include <gmock/gmock.h>

#include "samples.hpp"

namespace pgkeel::incident {
namespace {

ProbeRecord probe(std::int64_t millis, std::string kind, bool ok) {
  return {at(millis), std::move(kind), ok, Millis(3), ok ? "" : "connection refused"};
}

// What another process sees: only what has been written to the file.
std::size_t written(const OpenStore& open, std::string_view kind) {
  auto reader = Store::open_read_only(open.state_dir()).value();
  return Journal(*reader).probes(kind, 10'000)->size();
}

TEST(ProbeRing, GivesProbesBackNewestFirst) {
  // Every field comes back, per kind, those still in memory included.
  OpenStore open;
  ASSERT_TRUE(open.journal.record_probe(probe(0, "login", true)));
  ASSERT_TRUE(open.journal.record_probe(probe(1, "write", true)));
  ASSERT_TRUE(open.journal.record_probe(probe(2, "login", false)));
  const auto logins = open.journal.probes("login", 10).value();
  ASSERT_EQ(logins.size(), 2);
  EXPECT_EQ(logins[0].at, at(2));
  EXPECT_FALSE(logins[0].ok);
  EXPECT_EQ(logins[0].note, "connection refused");
  EXPECT_EQ(logins[0].took, Millis(3));
  EXPECT_TRUE(logins[1].ok);
  EXPECT_EQ(open.journal.probes("login", 1)->size(), 1);
  EXPECT_EQ(open.journal.probes("nothing", 10)->size(), 0);
}

TEST(ProbeRing, WritesGoodProbesTogether) {
  // While all is well probes wait in memory, for ten seconds or 64 of them.
  OpenStore open;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(open.journal.record_probe(probe(i, "login", true)));
  EXPECT_EQ(written(open, "login"), 0);
  ASSERT_TRUE(open.journal.record_probe(probe(10'000, "login", true)));
  EXPECT_EQ(written(open, "login"), 6);
  for (int i = 0; i < 64; ++i) ASSERT_TRUE(open.journal.record_probe(probe(10'001, "write", true)));
  EXPECT_EQ(written(open, "write"), 64);
}

TEST(ProbeRing, WritesAFailureAtOnce) {
  // A failed probe, all before it and the one after it are in the file without waiting: they are
  // what a report needs when the guard dies too.
  OpenStore open;
  ASSERT_TRUE(open.journal.record_probe(probe(0, "login", true)));
  ASSERT_TRUE(open.journal.record_probe(probe(1, "login", false)));
  EXPECT_EQ(written(open, "login"), 2);
  ASSERT_TRUE(open.journal.record_probe(probe(2, "login", true)));
  EXPECT_EQ(written(open, "login"), 3);
  ASSERT_TRUE(open.journal.record_probe(probe(3, "login", true)));
  EXPECT_EQ(written(open, "login"), 3);
}

TEST(ProbeRing, KeepsAThousandOfAKind) {
  // The ring is bounded per kind: a busy probe does not push a rare one out.
  OpenStore open;
  ASSERT_TRUE(open.journal.record_probe(probe(0, "files", true)));
  for (int i = 0; i < kProbesKept + 200; ++i)
    ASSERT_TRUE(open.journal.record_probe(probe(i, "login", true)));
  const auto logins = open.journal.probes("login", 10'000).value();
  ASSERT_EQ(logins.size(), static_cast<std::size_t>(kProbesKept));
  EXPECT_EQ(logins[0].at, at(kProbesKept + 199));
  EXPECT_EQ(open.journal.probes("files", 10)->size(), 1);
}

TEST(ProbeRing, SurvivesACleanEnd) {
  // Probes still in memory are written when the store is closed.
  OpenStore open;
  ASSERT_TRUE(open.journal.record_probe(probe(0, "login", true)));
  open.reopen();
  EXPECT_EQ(open.journal.probes("login", 10)->size(), 1);
}

TEST(ProbeRing, RedactsNotes) {
  // A server's message with a password in it is masked before it is stored.
  OpenStore open;
  auto record = probe(0, "login", false);
  record.note = "could not connect: postgres://u:hunter2@h/d";
  ASSERT_TRUE(open.journal.record_probe(record));
  EXPECT_THAT(open.journal.probes("login", 1)->at(0).note,
              testing::Not(testing::HasSubstr("hunter2")));
}

}  // namespace
}  // namespace pgkeel::incident
