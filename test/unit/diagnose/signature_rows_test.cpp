// The map of the fault signatures: whole, true to the tables, and every claim proven by a recording
// or by a test that exists.
#include "diagnose/signature_rows.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "pg/log_line.hpp"
#include "unit/pg/recorded.hpp"

namespace pgkeel::diagnose {
namespace {

namespace fs = std::filesystem;

constexpr int kContainerRows = 16;
constexpr int kServerRows = 55;

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

std::string read(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string all_sources(const fs::path& root) {
  std::string text;
  for (const auto& entry : fs::recursive_directory_iterator(root))
    if (entry.path().extension() == ".cpp") text += read(entry.path());
  return text;
}

void add_signatures(pg::ServerLogFormat format, const std::string& text,
                    std::set<pg::Signature>& met) {
  for (const auto& line : pg::parse_log(format, text))
    if (const auto signature = pg::classify(line)) met.insert(*signature);
}

// Met in what real servers printed, by the words of any major.
std::set<pg::Signature> recorded_signatures() {
  std::set<pg::Signature> met;
  for (const int major : test::kRecordedMajors) {
    add_signatures(pg::ServerLogFormat::Stderr, test::recorded(major, "start_failures.log"), met);
    add_signatures(pg::ServerLogFormat::Csv, test::recorded(major, "troubles.csv"), met);
    add_signatures(pg::ServerLogFormat::Csv, test::recorded(major, "server.csv"), met);
  }
  return met;
}

TEST(SignatureRows, EveryRowOfTheReferenceIsMappedOnce) {
  // Goal: D1 to D16 and K1 to K55, in this order, none without a sign (B9).
  std::vector<std::string> rows;
  for (int i = 1; i <= kContainerRows; ++i) rows.push_back("D" + std::to_string(i));
  for (int i = 1; i <= kServerRows; ++i) rows.push_back("K" + std::to_string(i));
  std::vector<std::string> mapped;
  for (const auto& row : recognised_rows()) {
    mapped.emplace_back(row.row);
    EXPECT_FALSE(row.sign.empty()) << row.row;
    const bool recognised =
        !signatures_of(row.row).empty() || !row.causes.empty() || !row.warnings.empty();
    EXPECT_TRUE(recognised || !row.limit.empty()) << row.row << " is recognised by nothing";
  }
  EXPECT_EQ(mapped, rows);
}

TEST(SignatureRows, NameOnlyWhatThereIs) {
  // Goal: causes of the table; warnings and proofs that stand in the sources.
  const auto rules = all_sources("src/diagnose");
  const auto tests = all_sources("test/unit");
  for (const auto& row : recognised_rows()) {
    for (const auto& cause : words_of(row.causes)) EXPECT_TRUE(cause_by_name(cause)) << cause;
    for (const auto& warning : words_of(row.warnings))
      EXPECT_NE(rules.find('"' + warning + '"'), std::string::npos) << warning;
    for (const auto& proof : words_of(row.proof)) {
      const auto dot = proof.find('.');
      const auto name = proof.substr(0, dot) + ", " + proof.substr(dot + 1) + ")";
      EXPECT_NE(tests.find('(' + name), std::string::npos) << row.row << ": " << proof;
    }
  }
  for (const auto& entry : pg::signature_table()) {
    const bool known = std::ranges::find(recognised_rows(), entry.reference, &RecognisedRow::row) !=
                       recognised_rows().end();
    EXPECT_TRUE(entry.reference.empty() || known) << entry.name << ": " << entry.reference;
  }
}

TEST(SignatureRows, EverySignatureIsMetInARecordingOrProvenByATest) {
  // Goal: no row rests on words nobody has seen (B9 C2).
  const auto met = recorded_signatures();
  const auto words = read("test/unit/pg/log_signature_test.cpp");
  for (const auto& row : recognised_rows()) {
    const auto signatures = signatures_of(row.row);
    EXPECT_TRUE(!signatures.empty() || !row.proof.empty() || !row.limit.empty()) << row.row;
    for (const auto signature : signatures) {
      if (met.contains(signature)) continue;
      EXPECT_THAT(std::string(row.proof), testing::HasSubstr("LogSignature."))
          << row.row << ": " << pg::to_string(signature);
      const auto name = std::string(pg::to_string(signature));
      EXPECT_TRUE(words.contains("Signature::" +
                                 [&] {
                                   std::string camel;
                                   bool upper = true;
                                   for (const char c : name) {
                                     if (c != '_')
                                       camel += upper ? static_cast<char>(std::toupper(c)) : c;
                                     upper = c == '_';
                                   }
                                   return camel;
                                 }()))
          << row.row << ": no test of the words of " << name;
    }
  }
}

TEST(SignatureRows, TheReferenceIsCurrent) {
  // Goal: docs/reference/signatures.md is what the table says.
  const fs::path file = "docs/reference/signatures.md";
  if (std::getenv("PGKEEL_UPDATE_DOCS") != nullptr) std::ofstream(file) << signatures_markdown();
  EXPECT_EQ(read(file), signatures_markdown()) << "run this test with PGKEEL_UPDATE_DOCS=1";
}

}  // namespace
}  // namespace pgkeel::diagnose
