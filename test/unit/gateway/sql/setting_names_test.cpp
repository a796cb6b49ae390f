// Which settings a text names, in all the ways to say it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/sql/session_effects.hpp"

namespace pgkeel::gateway::sql {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// "work_mem" is set, "-work_mem" reset, "+p" prepared, "~p" deallocated.
std::vector<std::string> names(std::string_view sql) {
  std::vector<std::string> out;
  for (const auto& [kind, name] : read_effects(sql).names) {
    constexpr std::string_view kMarks[] = {"", "-", "+", "~"};
    out.push_back(std::string(kMarks[static_cast<std::size_t>(kind)]) + name);
  }
  return out;
}
BitSet<Trait> traits(std::string_view sql) { return read_effects(sql).effects.traits; }

TEST(SettingNames, AreReadFromEveryFormOfSet) {
  // Goal: SET with and without SESSION, the forms with words of their own, custom and quoted names.
  EXPECT_THAT(names("SET work_mem = '1MB'"), ElementsAre("work_mem"));
  EXPECT_THAT(names("set session /**/ Work_Mem to 4"), ElementsAre("work_mem"));
  EXPECT_THAT(names("SET \"DateStyle\" TO ISO, DMY"), ElementsAre("datestyle"));
  EXPECT_THAT(names("SET app.user.id = 5; SET app . x = 6"), ElementsAre("app.user.id", "app.x"));
  EXPECT_THAT(names("SET TIME ZONE LOCAL"), ElementsAre("timezone"));
  EXPECT_THAT(names("SET SESSION TIME ZONE INTERVAL '1' HOUR"), ElementsAre("timezone"));
  EXPECT_THAT(names("SET NAMES 'UTF8'; SET NAMES"), ElementsAre("client_encoding"));
  EXPECT_THAT(names("SET SCHEMA 'x'"), ElementsAre("search_path"));
  EXPECT_THAT(names("SET ROLE 'x'; SET role = y"), ElementsAre("role"));
  EXPECT_THAT(names("SET XML OPTION DOCUMENT"), ElementsAre("xmloption"));
  EXPECT_THAT(names("SET SESSION AUTHORIZATION x"), ElementsAre("session_authorization", "role"));
  EXPECT_THAT(names("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"),
              ElementsAre("default_transaction_isolation", "default_transaction_read_only",
                          "default_transaction_deferrable"));
  EXPECT_THAT(names("SET session.x = 1; SET local.y TO 2"), ElementsAre("session.x", "local.y"));
}

TEST(SettingNames, AreNotKeptOfTheTransaction) {
  // Goal: what ends with the transaction is no setting of the session.
  for (const std::string_view sql :
       {"SET LOCAL work_mem = 1", "SELECT set_config('a.b', 'c', true)",
        "SELECT set_config('a.b', f(1, true), TRUE )", "SET LOCAL TIME ZONE 'UTC'"}) {
    EXPECT_THAT(names(sql), IsEmpty()) << sql;
    EXPECT_EQ(traits(sql), Trait::SetsLocally) << sql;
  }
  EXPECT_THAT(names("set local role x"), IsEmpty());
  EXPECT_EQ(traits("set local role x"), Trait::SetsLocally | Trait::MovesPath);
  EXPECT_EQ(traits("SELECT set_config($1, 'c', true)"), Trait::SetsLocally | Trait::MovesPath);
  EXPECT_TRUE(
      traits("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SET CONSTRAINTS ALL DEFERRED").empty());
}

TEST(SettingNames, AreReadFromSetConfig) {
  // Goal: a literal name; anything else is an unknown one.
  EXPECT_THAT(names("SELECT set_config('Work_Mem', $1, false)"), ElementsAre("work_mem"));
  EXPECT_THAT(names("SELECT pg_catalog.\"set_config\"('a.b'::text, 'c', $1)"), ElementsAre("a.b"));
  EXPECT_THAT(names("SELECT set_config('a.b', set_config('c.d', 'x', true), false)"),
              ElementsAre("a.b"));
  EXPECT_THAT(
      names("SELECT set_config('a.b', 'x', true or false), set_config('c.d', 'x', not true)"),
      ElementsAre("a.b", "c.d"));
  for (const std::string_view sql :
       {"SELECT set_config($1, $2, false)", "SELECT set_config('a' || 'b', 'x', false)",
        "SELECT set_config(setting_name => 'a', new_value => 'b', is_local => false)",
        "SELECT set_config(E'a\\x2eb', 'x', false)",
        "SELECT set_config(name, setting, false) FROM t",
        "SELECT set_config('a'::char, 'b', false)", "UPDATE pg_settings SET setting = '1MB'",
        "update only pg_catalog.\"pg_settings\" set setting = name",
        "SELECT set_config('a'\n'b', 'x', false)"}) {
    EXPECT_TRUE(traits(sql).has(Trait::SetsUnknown)) << sql;
    EXPECT_THAT(names(sql), IsEmpty()) << sql;
  }
  EXPECT_THAT(names("select set_limit(0.5)"), ElementsAre("pg_trgm.similarity_threshold"));
}

TEST(SettingNames, AreReadFromReset) {
  // Goal: one, all, and the forms with words of their own.
  EXPECT_THAT(names("RESET work_mem; reset app.x"), ElementsAre("-work_mem", "-app.x"));
  EXPECT_THAT(names("RESET TIME ZONE; RESET ROLE"), ElementsAre("-timezone", "-role"));
  EXPECT_THAT(names("RESET SESSION AUTHORIZATION"), ElementsAre("-session_authorization", "-role"));
  EXPECT_EQ(traits("RESET ALL") | traits("discard all"), Trait::ResetsAll);
  EXPECT_THAT(names("RESET \"all\""), ElementsAre("-all"));
  EXPECT_EQ(read_effects("SET SESSION AUTHORIZATION DEFAULT").effects.undone, Tie::Authorization);
}

TEST(SettingNames, AreReadFromPrepare) {
  // Goal: names of prepared statements, folded as the server folds them.
  EXPECT_THAT(names("PREPARE Abc (int) AS SELECT $1"), ElementsAre("+abc"));
  EXPECT_THAT(names("PREPARE \"Abc\" AS SELECT 1; DEALLOCATE \"Abc\"; DEALLOCATE PREPARE X"),
              ElementsAre("+Abc", "~Abc", "~x"));
  EXPECT_THAT(names("PREPARE TRANSACTION 'x'; DEALLOCATE ALL"), IsEmpty());
  EXPECT_THAT(names("DEALLOCATE prepare"), ElementsAre("~prepare"));
}

TEST(SettingNames, AreBounded) {
  // Goal: more names than anybody sets, or longer ones, are unknown names and not memory.
  std::string many;
  for (std::size_t i = 0; i <= kNamesMost; ++i) many += "SET a.x" + std::to_string(i) + " = 1;";
  EXPECT_EQ(names(many).size(), kNamesMost);
  EXPECT_TRUE(traits(many).has(Trait::SetsUnknown));
  EXPECT_TRUE(traits("SET " + std::string(60, 'a') + "." + std::string(60, 'b') + ".ccccccccc = 1")
                  .has(Trait::SetsUnknown));
  EXPECT_TRUE(traits("SELECT set_config('a." + std::string(200, 'b') + "', '', false)")
                  .has(Trait::SetsUnknown));
}

}  // namespace
}  // namespace pgkeel::gateway::sql
