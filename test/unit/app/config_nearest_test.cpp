// Suggestions for mistyped names.
#include "app/config/nearest.hpp"

#include <gtest/gtest.h>

#include "app/config/keys.hpp"

namespace pgkeel::app {
namespace {

TEST(Nearest, CountsSwappedNeighboursAsOneMistake) {
  // Goal: the distance is that of typing, not of sets.
  EXPECT_EQ(edit_distance("mode", "mode"), 0U);
  EXPECT_EQ(edit_distance("moed", "mode"), 1U);
  EXPECT_EQ(edit_distance("", "mode"), 4U);
  EXPECT_EQ(edit_distance("listen", "lissten"), 1U);
}

struct Mistake {
  const char* typed;
  const char* meant;
};

TEST(Nearest, FindsWhatWasMeant) {
  // Goal: the mistakes people make lead to the key they meant.
  for (const auto& [typed, meant] : {
           Mistake{"instance.datadir", "instance.data_dir"},
           Mistake{"instance.data-dir", "instance.data_dir"},
           Mistake{"instance.dataDir", "instance.data_dir"},
           Mistake{"data_dir", "instance.data_dir"},
           Mistake{"instnace", "instance"},
           Mistake{"moed", "mode"},
           Mistake{"sense.login_evry", "sense.login_every"},
           Mistake{"recover.missing_tables", "recover.missing_table"},
           Mistake{"statedir", "state_dir"},
           Mistake{"archive.encryption_keyfile", "archive.encryption_key_file"},
           Mistake{"alerts", "alert"},
           Mistake{"http.lisen", "http.listen"},
       }) {
    const auto found = nearest_name(typed, known_names());
    ASSERT_TRUE(found.has_value()) << typed;
    EXPECT_EQ(*found, meant) << typed;
  }
}

TEST(Nearest, SaysNothingRatherThanNonsense) {
  // Goal: a name unlike any key gets no suggestion, however long it is.
  EXPECT_FALSE(nearest_name("kubernetes", known_names()).has_value());
  EXPECT_FALSE(nearest_name("x", {"instance"}).has_value());
  EXPECT_FALSE(nearest_name(std::string(100'000, 'm'), known_names()).has_value());
}

}  // namespace
}  // namespace pgkeel::app
