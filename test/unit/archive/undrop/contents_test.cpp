// What of a dump's table of contents is left out of a table that comes back: foreign keys, which
// are put back last and apart.
#include <gtest/gtest.h>

#include "archive/undrop/psql.hpp"

namespace pgkeel::archive {
namespace {

bool left_out(std::string_view line) {
  return lists_foreign_key(line, {"orders_customer_fkey", "a key of orders"});
}

TEST(ContentsOfADump, ForeignKeysAndWhatIsSaidOfThemStayOut) {
  // Goal: X1: a comment on a key that is not there yet would fail the whole transaction.
  EXPECT_TRUE(left_out("3345; 2606 16397 FK CONSTRAINT public orders orders_customer_fkey app"));
  EXPECT_TRUE(left_out("3350; 0 0 COMMENT public CONSTRAINT orders_customer_fkey ON orders app"));
  EXPECT_TRUE(left_out("3351; 0 0 COMMENT public CONSTRAINT a key of orders ON orders app"));
}

TEST(ContentsOfADump, EverythingElseStays) {
  // Goal: X1: the table comes back with its other constraints, indexes, triggers and comments.
  for (const auto* line :
       {"; Archive created at 2026-11-23 01:00:00 UTC", ";", "",
        "3340; 2606 16390 CONSTRAINT public orders orders_pkey app",
        "3341; 1259 16395 INDEX public orders_at_idx app",
        "3349; 0 0 COMMENT public CONSTRAINT orders_pkey ON orders app",
        "3342; 2620 16400 TRIGGER public orders FK CONSTRAINT app",
        "3343; 0 0 COMMENT public INDEX orders_at_idx app", "3344; 2606", "3344; "})
    EXPECT_FALSE(left_out(line)) << line;
}

}  // namespace
}  // namespace pgkeel::archive
