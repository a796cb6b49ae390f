// Sets of settings: kept once, freed when nobody has them, and as SQL.
#include "gateway/session/settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/session/settings_sql.hpp"

namespace pgkeel::gateway {
namespace {

using testing::ElementsAre;

std::string shown(const SettingsSet& set) {
  std::string out;
  for (const auto& [name, value] : set.items()) out += name + "=" + value + ";";
  return out;
}

TEST(Settings, AreKeptOnceAndCompareByPointer) {
  // Goal: the same settings, in whatever order and case they came, are the same set.
  SettingsTable table;
  const auto one = table.intern({{"Work_Mem", "4096"}, {"app.x", "1"}}).value();
  const auto two = table.with(table.with({}, "app.X", "1").value(), "work_mem", "4096").value();
  EXPECT_EQ(one, two);
  EXPECT_EQ(shown(one), "app.x=1;work_mem=4096;");
  EXPECT_EQ(table.size(), 1U);
  EXPECT_NE(one, table.with(one, "app.x", "2").value());
  EXPECT_EQ(table.without(one, "APP.x"), table.intern({{"work_mem", "4096"}}).value());
  EXPECT_EQ(table.without(one, "none"), one);
  EXPECT_EQ(*one.find("app.x"), "1");
  EXPECT_EQ(one.find("app.y"), nullptr);
  EXPECT_EQ(sizeof(SettingsSet), sizeof(void*));
}

TEST(Settings, AreFreedWithTheirLastUser) {
  // Goal: no set stays that no session has, and the empty set is none.
  SettingsTable table;
  {
    auto set = table.intern({{"a.b", "1"}}).value();
    auto other = set;
    set = table.with(set, "a.b", "2").value();
    EXPECT_EQ(table.size(), 2U);
    other = std::move(set);
    EXPECT_EQ(table.size(), 1U);
    EXPECT_EQ(table.without(other, "a.b"), SettingsSet());
  }
  EXPECT_EQ(table.size(), 0U);
  EXPECT_TRUE(table.intern({}).value().empty());
}

TEST(Settings, OverrideThoseOfTheStart) {
  // Goal: what a session has set counts, what it has reset is again as the client began.
  SettingsTable table;
  const auto start = table.intern({{"datestyle", "ISO"}, {"search_path", "a"}}).value();
  const auto now = table.intern({{"search_path", "b"}, {"work_mem", "64"}}).value();
  EXPECT_EQ(shown(table.merge(start, now).value()), "datestyle=ISO;search_path=b;work_mem=64;");
  EXPECT_EQ(table.merge(start, {}).value(), start);
  EXPECT_EQ(table.merge({}, now).value(), now);
}

TEST(Settings, AreReadFromAServersAnswer) {
  // Goal: what is of the transaction, unknown or no role at all is left out.
  SettingsTable table;
  const ObservedSetting rows[] = {{"transaction_isolation", "serializable"},
                                  {"seed", "unavailable"},
                                  {"role", "none"},
                                  {"app.gone", std::nullopt},
                                  {"app.empty", ""},
                                  {"DateStyle", "ISO, DMY"}};
  EXPECT_EQ(shown(table.observed(rows).value()), "app.empty=;datestyle=ISO, DMY;");
  EXPECT_EQ(shown(table.observed(std::vector<ObservedSetting>{{"role", "r"}}).value()), "role=r;");
}

TEST(Settings, AreBounded) {
  // Goal: more or longer ones than anybody needs are an error and cost nothing.
  SettingsTable table;
  std::vector<Setting> many;
  for (std::size_t i = 0; i <= kKeptSettingsMost; ++i)
    many.push_back({"a.x" + std::to_string(i), ""});
  EXPECT_EQ(table.intern(many).error().code, ErrorCode::NotSupported);
  many.pop_back();
  EXPECT_TRUE(table.intern(many).has_value());
  EXPECT_FALSE(table.with({}, std::string(kSettingNameBytesMost + 1, 'a'), "").has_value());
  EXPECT_FALSE(table.with({}, "a.b", std::string(kSettingValueBytesMost + 1, 'a')).has_value());
  std::vector<Setting> large;
  for (int i = 0; i < 5; ++i)
    large.push_back({"a.x" + std::to_string(i), std::string(kSettingValueBytesMost, 'x')});
  EXPECT_EQ(table.intern(large).error().code, ErrorCode::NotSupported);
  for (const std::string name : {"", "a b", "gr\xc3\xb6\xc3\x9f\x65.x"})
    EXPECT_EQ(table.with({}, name, "x").error().code, ErrorCode::Malformed) << name;
  EXPECT_FALSE(table.with({}, "a.b", std::string_view("\0", 1)).has_value());
  EXPECT_EQ(table.size(), 0U);
}

TEST(SettingsSql, TurnsOneSessionIntoAnother) {
  // Goal: what is gone is reset, what is new or other is set, a role comes off first and on last.
  SettingsTable table;
  const auto none = SettingsSet();
  const auto from = table.intern({{"work_mem", "64"}, {"role", "a"}, {"app.x", "1"}}).value();
  const auto to =
      table.intern({{"work_mem", "64"}, {"role", "b"}, {"app.y", "it's \\ $1"}}).value();
  EXPECT_EQ(settings_difference(from, from, "UTF8"), "");
  EXPECT_EQ(
      settings_difference(from, to, "UTF8"),
      "SELECT pg_catalog.set_config('role','none',false),pg_catalog.set_config('app.x',NULL,false),"
      "pg_catalog.set_config('app.y', E'it''s \\\\ "
      "$1',false),pg_catalog.set_config('role','b',false)");
  EXPECT_EQ(
      settings_difference(table.intern({{"role", "a"}}).value(), none, "UTF8"),
      "SELECT pg_catalog.set_config('role','none',false),pg_catalog.set_config('role',NULL,false)");
  EXPECT_EQ(settings_difference(none, table.intern({{"app.z", "\x83\x5c"}}).value(), "SJIS"),
            "SELECT "
            "pg_catalog.set_config('app.z',pg_catalog.convert_from(pg_catalog.decode('835c','hex'),"
            "'SJIS'),false)");
}

TEST(SettingsSql, AsksForWhatTheServerDoesNotList) {
  // Goal: the role and each placeholder, known or new, is asked for once and by name.
  SettingsTable table;
  const auto before = table.intern({{"app.x", "1"}, {"work_mem", "64"}}).value();
  const std::string_view names[] = {"app.y", "app.x", "datestyle", "a'b.c"};
  EXPECT_EQ(settings_query(before, names),
            "SELECT name,setting FROM pg_catalog.pg_settings WHERE source OPERATOR(pg_catalog.=) "
            "'session' "
            "UNION ALL SELECT n,pg_catalog.current_setting(n,true) FROM (VALUES "
            "('role'),('app.x'),('app.y'),"
            "('a''b.c')) v(n)");
}

}  // namespace
}  // namespace pgkeel::gateway
