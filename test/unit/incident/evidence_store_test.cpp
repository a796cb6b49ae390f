// Evidence kept beside the journal.
#include "incident/evidence_store.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "support/temp_dir.hpp"

namespace pgkeel::incident {
namespace {

namespace fs = std::filesystem;

unsigned mode_of(const fs::path& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0);
  return status.st_mode & 07777U;
}

TEST(EvidenceStore, KeepsTheNewestForTheOwnerOnly) {
  // Goal: C2 X10: readable by nobody else, found again, the oldest go when there are too many.
  const test::TempDir dir;
  for (std::size_t i = 1; i <= kEvidenceKept + 3; ++i)
    ASSERT_TRUE(keep_evidence(dir.path(), fmt::format("2026-11-21-{:03}", i), "{}"));
  EXPECT_EQ(mode_of(dir.path() / "evidence"), 0700U);
  EXPECT_EQ(mode_of(dir.path() / "evidence/2026-11-21-053.json"), 0600U);
  EXPECT_EQ(kept_evidence(dir.path(), "2026-11-21-053").value_or(""), "{}");
  EXPECT_FALSE(kept_evidence(dir.path(), "2026-11-21-003"));
  EXPECT_TRUE(kept_evidence(dir.path(), "2026-11-21-004"));
}

TEST(EvidenceStore, RefusesPathsAndWhatIsTooLarge) {
  // Goal: X5: an id is no path, a document is bounded, and another file is left alone.
  const test::TempDir dir;
  for (const auto* id : {"../../etc/passwd", "", "x", "2026-11-21-001/..", "not-journaled-x"}) {
    EXPECT_FALSE(keep_evidence(dir.path(), id, "{}")) << id;
    EXPECT_FALSE(kept_evidence(dir.path(), id)) << id;
  }
  EXPECT_FALSE(
      keep_evidence(dir.path(), "2026-11-21-001", std::string(kEvidenceBytesMax + 1, 'x')));
  EXPECT_FALSE(fs::exists(dir.path() / "evidence/2026-11-21-001.json"));
}

}  // namespace
}  // namespace pgkeel::incident
