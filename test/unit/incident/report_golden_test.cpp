// A report per fault, as text a person has read and found right: test/unit/incident/reports.
// PGKEEL_UPDATE_DOCS=1 writes them anew.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fault_stories.hpp"
#include "incident/prevention.hpp"
#include "incident/report.hpp"

namespace pgkeel::incident {
namespace {

using testing::HasSubstr;

const std::filesystem::path kGoldens = "test/unit/incident/reports";  // at the top of the tree

std::string text_of(const std::filesystem::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

void expect_golden(const std::filesystem::path& file, const std::string& made) {
  if (std::getenv("PGKEEL_UPDATE_DOCS") != nullptr) std::ofstream(file) << made;
  EXPECT_EQ(text_of(file), made) << file << " is old: run this test with PGKEEL_UPDATE_DOCS=1";
}

TEST(ReportGolden, OfEveryFault) {
  // Goal: what a team reads after each fault is what was agreed on, word for word (D15).
  for (const auto& incident : fault_stories())
    expect_golden(kGoldens / (incident.cause + ".md"),
                  markdown_report(incident, sample_standing()));
}

TEST(ReportGolden, OfTheIndex) {
  // Goal: all incidents on one page, each a link to its report (D15). No .md: its links lead
  // nowhere.
  auto incidents = fault_stories();
  for (std::size_t i = 0; i < incidents.size(); ++i)
    incidents[i].id = "2026-11-21-" + std::to_string(125 - i);
  expect_golden(kGoldens / "index.txt", markdown_index(incidents));
  EXPECT_THAT(markdown_index({}), HasSubstr("None is on record."));
}

TEST(ReportGolden, NoFaultIsLeftOut) {
  // Goal: every fault that faults.md lists and injects has a story; a new one fails here (D15).
  std::set<std::string> told;
  for (const auto& incident : fault_stories()) told.insert(incident.cause);
  std::istringstream page(text_of("docs/reference/faults.md"));
  int listed = 0;
  for (std::string line; std::getline(page, line) && line != "## Pairs";) {
    if (!line.starts_with("| `") || line.find("not run:") != std::string::npos) continue;
    ++listed;
    EXPECT_TRUE(told.contains(line.substr(3, line.find('`', 3) - 3))) << line;
  }
  EXPECT_GE(listed, 20);
}

TEST(ReportGolden, EveryStorySaysWhatWouldHavePrevented) {
  // Goal: prevention, a first command and a task for each; sentences end like sentences (D15).
  std::set<std::string_view> causes;
  for (const auto& row : prevention_table()) {
    EXPECT_TRUE(causes.insert(row.cause).second) << row.cause;
    EXPECT_TRUE(row.prevented.ends_with('.')) << row.cause;
    EXPECT_FALSE(row.follow_up.empty() || row.command.empty()) << row.cause;
    EXPECT_FALSE(row.follow_up.ends_with('\n')) << row.cause;
  }
  for (const auto& incident : fault_stories()) {
    EXPECT_NE(prevention_of(incident.cause), nullptr) << incident.cause;
    EXPECT_EQ(first_command(incident).find("{}"), std::string::npos);
  }
}

}  // namespace
}  // namespace pgkeel::incident
