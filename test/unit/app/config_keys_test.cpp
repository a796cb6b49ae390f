// The table of keys is whole: every row can be written, read, documented and, where it is in
// effect, reaches its member.
#include "app/config/keys.hpp"

#include <set>

#include <gtest/gtest.h>

namespace pgkeel::app {
namespace {

TEST(Keys, AreUniqueAndDescribed) {
  // Goal: no key or variable is there twice, and each says what it is for.
  std::set<std::string> names;
  for (const auto& definition : key_definitions()) {
    EXPECT_TRUE(names.insert(std::string(definition.key)).second) << definition.key;
    const auto variable = environment_name(definition);
    EXPECT_TRUE(variable.empty() || names.insert(variable).second) << variable;
    EXPECT_GT(definition.description.size(), 10U) << definition.key;
    EXPECT_TRUE(definition.description.ends_with('.')) << definition.key;
  }
}

TEST(Keys, DefaultsAreValidAndReachTheirMember) {
  // Goal: a default the table names is one that the table accepts and the Config can hold.
  Config config;
  for (const auto& definition : key_definitions()) {
    EXPECT_EQ(definition.type == ValueType::Choice, !definition.choices.empty()) << definition.key;
    if (definition.fallback.empty()) continue;
    const Values values = {std::string(definition.fallback)};
    EXPECT_EQ(objection(definition, values, Shape::Untyped), "") << definition.key;
    if (definition.into_row != nullptr)
      EXPECT_TRUE(definition.into_row(config, 0, values)) << definition.key;
    else if (definition.in_effect()) EXPECT_TRUE(definition.into(config, values)) << definition.key;
  }
}

TEST(Keys, EnvironmentNamesFollowTheContract) {
  // Goal: PGKEEL_ARCHIVE_STORE is archive.store; lists of tables have no variable (B13).
  EXPECT_EQ(environment_name(*find_key("archive.store")), "PGKEEL_ARCHIVE_STORE");
  EXPECT_EQ(environment_name(*find_key("archive.offsite.keep")), "PGKEEL_ARCHIVE_OFFSITE_KEEP");
  EXPECT_EQ(environment_name(*find_key("mode")), "PGKEEL_MODE");
  EXPECT_EQ(environment_name(*find_key("alert[].kind")), "");
  EXPECT_EQ(environment_name(*find_key("escalate.*")), "");
}

TEST(Keys, SectionsAreKnownByTheirKeys) {
  // Goal: the reader can tell a section, a list of tables and a key apart.
  EXPECT_TRUE(is_section("archive"));
  EXPECT_TRUE(is_section("archive.offsite"));
  EXPECT_TRUE(is_section("alert[]"));
  EXPECT_FALSE(is_section("mode"));
  EXPECT_FALSE(is_section("arch"));
}

TEST(Keys, RangesAndChoicesAreSaid) {
  // Goal: what a key accepts can be read off the error.
  EXPECT_EQ(accepted(*find_key("instance.port")), "a whole number, from 1 to 65535");
  EXPECT_EQ(accepted(*find_key("mode")), "one of: act, advise");
  EXPECT_EQ(accepted(*find_key("archive.keep")),
            "a duration with its unit, such as 250ms, 5s, 2h or 7d, at least 1m");
  EXPECT_EQ(objection(*find_key("instance.port"), {"0"}, Shape::Number), "is out of range");
  EXPECT_EQ(objection(*find_key("sense.timeout"), {"1ms"}, Shape::Text), "is out of range");
  EXPECT_EQ(objection(*find_key("mode"), {"acting"}, Shape::Text), "is not one of its choices");
}

TEST(Keys, PasswordsAreMasked) {
  // Goal: a connection string is shown without its password, and not at all when it is unreadable.
  const auto& url = *find_key("instance.url");
  EXPECT_EQ(shown_value(url, {"postgresql://u:hunter2@h/db"}).find("hunter2"), std::string::npos);
  EXPECT_EQ(shown_value(url, {"host=h password=hunter2"}).find("hunter2"), std::string::npos);
  EXPECT_EQ(shown_value(url, {"host='open hunter2"}), "***");
}

}  // namespace
}  // namespace pgkeel::app
