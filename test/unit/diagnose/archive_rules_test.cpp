// The rules about the archive: what is said at once, what is given time, and what commits were not
// protected.
#include <gmock/gmock.h>

#include "unit/diagnose/case_builder.hpp"

namespace pgkeel::diagnose {
namespace {

using namespace pgkeel::test;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr WallTime kBegan{Seconds(1'799'999'000)};

TEST(ArchiveFailing, IsNamedOnceItsPatienceIsOver) {
  // Goal: a short trouble is noise, a lasting one is a finding of its own subject with the words of
  // whoever met it; nothing is run for it (A10 D15).
  auto instance = healthy();
  instance.seen.archive.troubles = {{"archive.wal", "No WAL is being received",
                                     "look at receive.log", true, Millis(15'000),
                                     kNow - Seconds(10)}};
  EXPECT_THAT(instance.findings(), IsEmpty());
  instance.now = kNow + Seconds(5);
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::ArchiveFailing));
  const auto finding = instance.findings().front();
  EXPECT_EQ(finding.subject, "archive.wal");
  EXPECT_EQ(finding.severity, incident::Severity::Critical);
  EXPECT_EQ(finding.summary, "No WAL is being received.");
  EXPECT_EQ(finding.hint, "look at receive.log");
  EXPECT_TRUE(finding.wait);
}

TEST(ArchiveFailing, EveryTroubleIsAFindingOfItsOwn) {
  // Goal: a failed backup and a failed drill are two incidents, the latter only a warning (A10
  // D15).
  auto instance = healthy();
  instance.seen.archive.troubles = {
      {"archive.backup", "The last backup failed: no room", "", true, {}, kNow},
      {"archive.drill", "The last drill failed: bad page", "", false, {}, kNow}};
  const auto findings = instance.findings();
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].subject, "archive.backup");
  EXPECT_EQ(findings[1].subject, "archive.drill");
  EXPECT_FALSE(findings[1].severity.has_value());
  EXPECT_EQ(cause_info(Cause::ArchiveFailing).severity, incident::Severity::Warning);
}

TEST(CommitsUnprotected, AreNamedFromTheirBeginningToTheirEnd) {
  // Goal: an interval without protection is a finding while it lasts, and its words have beginning,
  // end and length (E8).
  auto instance = healthy();
  instance.seen.sync = {true, true, true, sense::Unprotected{kBegan, std::nullopt, "it hangs"}};
  ASSERT_THAT(instance.causes(), ElementsAre(Cause::CommitsUnprotected));
  EXPECT_THAT(instance.findings().front().summary, HasSubstr("since " + to_iso8601(kBegan)));
  instance.seen.sync.unprotected->until = kBegan + Seconds(12);
  EXPECT_THAT(instance.findings(), IsEmpty());
  EXPECT_EQ(unprotected_words(*instance.seen.sync.unprotected),
            "from " + to_iso8601(kBegan) + " until " + to_iso8601(kBegan + Seconds(12)) + ", " +
                humane_duration(Millis(12'000)));
  instance.seen.sync = {true, false, true, sense::Unprotected{kBegan, std::nullopt, "it hangs"}};
  EXPECT_THAT(instance.findings(), IsEmpty());  // the configuration does not ask for it any more
}

TEST(CommitsUnprotected, ACancelledWaitCounts) {
  // Goal: the server's word that a commit was acknowledged without the archive is a finding for a
  // moment, where commits are to wait (E8).
  auto instance = healthy();
  instance.seen.log_watch.sync_waits_canceled = 1;
  instance.seen.log_watch.last_canceled_at = kNow - Seconds(14);
  EXPECT_THAT(instance.findings(), IsEmpty());
  instance.seen.sync = {true, true, true, std::nullopt};
  EXPECT_THAT(instance.causes(), ElementsAre(Cause::CommitsUnprotected));
  instance.now = kNow + Seconds(1);
  EXPECT_THAT(instance.findings(), IsEmpty());
}

}  // namespace
}  // namespace pgkeel::diagnose
