// The runbooks: one page for each cause, whole, and true to the tables the guard acts by (C7 D15).
#include "recover/runbook.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace pgkeel::recover {
namespace {

namespace fs = std::filesystem;

const fs::path kPages = "docs/guide/runbooks";
constexpr std::size_t kLeastIntroduction = 80;

std::string read(const fs::path& file) {
  std::stringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

bool updating() { return std::getenv("PGKEEL_UPDATE_DOCS") != nullptr; }

TEST(Runbooks, AreOneForEachCause) {
  // Goal: whoever is woken finds the page of the cause, with words of a person above the made part;
  // PGKEEL_UPDATE_DOCS=1 writes the made part and leaves the words.
  for (const auto& cause : diagnose::cause_table()) {
    const auto file = kPages / (std::string(cause.name) + ".md");
    auto page = read(file);
    const auto mark = page.find(kRunbookMark);
    ASSERT_NE(mark, std::string::npos) << file << " has no introduction and mark yet";
    EXPECT_GT(mark, kLeastIntroduction) << file;
    const auto made = page.substr(0, mark) + runbook_markdown(cause.cause);
    if (updating()) std::ofstream(file) << made;
    else EXPECT_EQ(page, made) << "run this test with PGKEEL_UPDATE_DOCS=1";
  }
}

TEST(Runbooks, AreListed) {
  // Goal: no page is hidden, and none is of a cause that no longer exists.
  const auto file = kPages / "README.md";
  if (updating()) std::ofstream(file) << runbooks_index();
  EXPECT_EQ(read(file), runbooks_index());
  for (const auto& entry : fs::directory_iterator(kPages)) {
    const auto name = entry.path().stem().string();
    EXPECT_TRUE(name == "README" || diagnose::cause_by_name(name)) << name;
  }
}

}  // namespace
}  // namespace pgkeel::recover
