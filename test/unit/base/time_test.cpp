// Times and durations in text: exact both ways where programs read them, kind where people do.
#include "base/time.hpp"

#include <gtest/gtest.h>

namespace pgkeel {
namespace {

using std::chrono::microseconds;

TEST(Iso8601, is_utc_with_milliseconds) {
  // Goal: one form, whatever the fraction.
  EXPECT_EQ(to_iso8601(WallTime{microseconds(1'795'232'675'123'456)}), "2026-11-21T03:44:35.123Z");
  EXPECT_EQ(to_iso8601(WallTime{}), "1970-01-01T00:00:00.000Z");
}

TEST(Iso8601, before_the_epoch_the_fraction_still_counts_up) {
  // Goal: rounding goes down, not towards zero.
  EXPECT_EQ(to_iso8601(WallTime{microseconds(-1'000)}), "1969-12-31T23:59:59.999Z");
}

TEST(Iso8601, reads_its_own_form_and_its_neighbours) {
  // Goal: fractions of any length, a blank for the T, and the ways of writing UTC.
  const auto expected = WallTime{microseconds(1'795'232'675'500'000)};
  for (const auto* text : {"2026-11-21T03:44:35.500Z", "2026-11-21T03:44:35.5Z",
                           "2026-11-21 03:44:35.500000000+00", "2026-11-21T03:44:35.5+00:00"})
    EXPECT_EQ(parse_iso8601(text), expected) << text;
}

TEST(Iso8601, refuses_what_is_no_time) {
  // Goal: no guess at zones, ranges or shapes.
  for (const auto* text : {"", "2026", "2026-11-21", "2026-11-21T03:44:35", "2026-13-21T03:44:35Z",
                           "2026-11-21T24:44:35Z", "2026-11-21T03:44:35+02", "x026-11-21T03:44:35Z",
                           "2026-11-21T03:44:35ZZ"})
    EXPECT_EQ(parse_iso8601(text).error().code, ErrorCode::Malformed) << text;
}

TEST(Duration, reads_every_unit_and_sums) {
  // Goal: the units of the configuration file.
  EXPECT_EQ(parse_duration("250ms"), Millis(250));
  EXPECT_EQ(parse_duration("5s"), Millis(5'000));
  EXPECT_EQ(parse_duration("10min"), Millis(600'000));
  EXPECT_EQ(parse_duration("2m"), Millis(120'000));
  EXPECT_EQ(parse_duration("1h30m"), Millis(5'400'000));
  EXPECT_EQ(parse_duration(" 7d "), Millis(604'800'000));
}

TEST(Duration, refuses_a_bare_number_and_nonsense) {
  // Goal: a unit is never guessed, and nothing overflows.
  for (const auto* text : {"", "5", "s", "-5s", "5 parsecs", "5s5", "99999999999999d", "1.5h"})
    EXPECT_EQ(parse_duration(text).error().code, ErrorCode::ConfigBadValue) << text;
}

TEST(Duration, writes_what_it_reads) {
  // Goal: the short form reads back to the same length.
  for (const std::int64_t millis : {0LL, 1LL, 250LL, 90'061'001LL, 604'800'000LL})
    EXPECT_EQ(parse_duration(format_duration(Millis(millis))), Millis(millis));
  EXPECT_EQ(format_duration(Millis(5'400'000)), "1h30m");
  EXPECT_EQ(format_duration(Millis(0)), "0s");
}

TEST(Duration, speaks_to_people_in_two_units) {
  // Goal: enough to judge by, no more.
  EXPECT_EQ(humane_duration(Millis(41)), "41 ms");
  EXPECT_EQ(humane_duration(Millis(2'900)), "2.9 s");
  EXPECT_EQ(humane_duration(Millis(200'000)), "3 min 20 s");
  EXPECT_EQ(humane_duration(Millis(187'200'000)), "2 days 4 h");
}

}  // namespace
}  // namespace pgkeel
