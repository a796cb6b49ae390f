// What is chosen from pg_restore's table of contents to re-create one table, on a listing recorded
// from PostgreSQL 15 (test/data/pg/15/restore_list.txt).
#include <gmock/gmock.h>

#include "recover/definitions.hpp"
#include "unit/pg/recorded.hpp"

namespace pgkeel::recover {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

std::vector<TocEntry> listing() { return parse_toc(test::recorded(15, "restore_list.txt")); }

std::vector<int> chosen(std::string_view schema, std::string_view table) {
  std::vector<int> ids;
  for (const auto& line : toc_lines_for(listing(), schema, table)) ids.push_back(std::stoi(line));
  return ids;
}

TEST(Toc, ReadsTypesOfSeveralWordsAndNamesWithSpaces) {
  // Goal: the recorded entries come apart as pg_dump put them together.
  const auto entries = listing();
  const auto entry = [&](int id) {
    const auto found = std::ranges::find(entries, id, &TocEntry::id);
    return found == entries.end() ? TocEntry{} : *found;
  };
  EXPECT_EQ(entry(221).type, "TABLE");
  EXPECT_EQ(entry(221).name, "order archive");
  EXPECT_EQ(entry(3395).type, "SEQUENCE OWNED BY");
  EXPECT_EQ(entry(3395).name, "customers_id_seq");
  EXPECT_EQ(entry(3244).type, "FK CONSTRAINT");
  EXPECT_THAT(entry(3244).depends_on, ElementsAre(3236, 219, 218));
  EXPECT_EQ(entry(222).schema, "sales");
  EXPECT_EQ(entry(222).line, "222; 1259 16439 TABLE sales orders app");
}

TEST(Toc, PassesOverWhatItDoesNotKnow) {
  // Goal: comments, unknown types and rubbish are no entries, and nothing hangs on them.
  EXPECT_THAT(parse_toc(""), IsEmpty());
  EXPECT_THAT(parse_toc(";\n; Archive created\n;\tdepends on: 1\nrubbish\n1; 0 0 ODDITY a b c\n"),
              IsEmpty());
  EXPECT_THAT(parse_toc("1; 1259 2 TABLE public t app"), SizeIs(1));
}

TEST(Toc, ChoosesATableWithEverythingThatHangsOnIt) {
  // Goal: sequence, default, keys, indexes, trigger, view, comments, grants and the foreign keys
  // both from it and to it; no other table, and not the table of that name in another schema.
  EXPECT_THAT(chosen("public", "orders"), ElementsAre(218, 3396, 3397, 3398, 220, 217, 3399, 3226,
                                                      3236, 3233, 3234, 3245, 3244, 3243));
}

TEST(Toc, ChoosesForeignKeysThatPointToTheTable) {
  // Goal: the references of other tables to a lost one come back with it, those tables do not.
  EXPECT_THAT(chosen("public", "customers"), ElementsAre(216, 215, 3395, 3225, 3230, 3232, 3243));
}

TEST(Toc, ChoosesTheSchemaButNotItsOtherTables) {
  // Goal: the schema may have gone with the table; its other tables are not touched.
  EXPECT_THAT(chosen("sales", "orders"), ElementsAre(6, 222, 3240));
  EXPECT_THAT(chosen("sales", "ledger"), ElementsAre(6, 224, 223, 3242));
}

TEST(Toc, ChoosesATableWhoseNameHasASpace) {
  // Goal: names are compared whole.
  EXPECT_THAT(chosen("public", "order archive"), ElementsAre(221, 3238));
  EXPECT_THAT(chosen("public", "order"), IsEmpty());
}

TEST(Toc, ChoosesNothingForATableItDoesNotList) {
  // Goal: a view's or an unknown name gives no lines, so nothing is run.
  EXPECT_THAT(chosen("public", "open_orders"), IsEmpty());
  EXPECT_THAT(chosen("public", "nothing"), IsEmpty());
}

}  // namespace
}  // namespace pgkeel::recover
