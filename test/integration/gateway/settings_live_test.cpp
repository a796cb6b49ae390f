// Settings carried from one session to another of a real server: every setting that a session may
// make, with values of its kind, through the query, the table and the SELECT that sets them.
#include <set>

#include "gateway/session/settings_sql.hpp"
#include "integration/gateway/live_session.hpp"
#include "integration/pg/majors.hpp"

namespace pgkeel::test {
namespace {

using namespace gateway;

class SettingsLive : public EveryMajor {};
PGKEEL_FOR_EVERY_MAJOR(SettingsLive);

SettingsSet observe(SettingsTable& table, LiveSession& session, const SettingsSet& before,
                    std::vector<std::string_view> names = {}) {
  const auto rows = session.nullable_rows(settings_query(before, names));
  std::vector<ObservedSetting> seen;
  for (const auto& row : rows) seen.push_back({row[0].value(), row[1]});
  return table.observed(seen).value();
}

// From one set to the other, and what the session then has.
SettingsSet carry(SettingsTable& table, LiveSession& session, const SettingsSet& from,
                  const SettingsSet& to) {
  const auto sql = settings_difference(from, to, "UTF8");
  EXPECT_TRUE(sql.empty() || session.run(sql)) << sql;
  std::vector<std::string_view> names;
  for (const auto& setting : to.items()) names.push_back(setting.name);
  return observe(table, session, from, names);
}

std::string shown(const SettingsSet& set) {
  std::string out;
  for (const auto& [name, value] : set.items()) out += name + "=" + value + ";";
  return out;
}

// The words of a program that a setting could be called, and their ends: a linker keeps a text that
// is the end of another within that.
std::set<std::string> names_in(const std::filesystem::path& program) {
  std::set<std::string> names;
  std::string word;
  for (const char c : read_file(program)) {
    if ((c >= 'a' && c <= 'z') || c == '_') {
      word += c;
      continue;
    }
    if (c == '\0' && word.size() < 64)
      for (std::size_t at = 0; at + 3 < word.size(); ++at) names.insert(word.substr(at));
    word.clear();
  }
  return names;
}

// Those of `names` that the session takes for a setting.
std::set<std::string> settings_among(LiveSession& session, const std::set<std::string>& names) {
  constexpr std::size_t kTextBytes = 1U << 20U;
  std::set<std::string> found;
  std::string list;
  const auto ask = [&] {
    for (const auto& row : session.rows("select n from unnest(string_to_array('" + list +
                                        "', ',')) n "
                                        "where current_setting(n, true) is not null"))
      found.insert(row[0]);
    list.clear();
  };
  for (const auto& name : names) {
    list += (list.empty() ? "" : ",") + name;
    if (list.size() > kTextBytes) ask();
  }
  ask();
  return found;
}

struct Choice {
  std::string name;
  std::vector<std::string> values;
};

// Values of every setting that a session may make. Of numbers the limits, the default and one
// beside it; some of them could end the test: a timeout of 1, caches that are never used.
std::vector<Choice> choices(LiveSession& session) {
  const std::set<std::string> kHarmful = {"debug_discard_caches", "clobber_cache_depth"};
  std::vector<Choice> all;
  for (const auto& row :
       session.rows("select name, vartype, coalesce(boot_val, ''), coalesce(min_val, ''), "
                    "coalesce(max_val, ''), array_to_string(enumvals, '|'), setting "
                    "from pg_settings where context in ('user', 'superuser') and name not like "
                    "'transaction%' order by name")) {
    Choice choice{row[0], {row[2], row[6]}};
    if (row[1] == "bool") choice.values.insert(choice.values.end(), {"on", "off"});
    if (row[1] == "integer" || row[1] == "real") choice.values.push_back(row[4]);
    if ((row[1] == "integer" || row[1] == "real") && row[0].find("timeout") == std::string::npos)
      choice.values.insert(choice.values.end(), {row[3], "0", "-1", "1", "100", "8192", "1000000"});
    if (row[1] == "real")
      choice.values.insert(choice.values.end(), {"0.5", "1e-5", "123456", "0.333333", "3.25"});
    for (std::size_t at = 0; row[1] == "enum" && at != std::string::npos;) {
      const auto end = row[5].find('|', at);
      choice.values.push_back(row[5].substr(at, end - at));
      at = end == std::string::npos ? end : end + 1;
    }
    if (row[1] == "string")
      choice.values.insert(choice.values.end(),
                           {"", "C", "UTC", "<-08>+08", "German, DMY", "a, \"B c\"", "o'x\\y",
                            "pg_catalog.german", "LATIN1", "heap", "$user", "all", "größe"});
    if (!kHarmful.contains(row[0])) all.push_back(std::move(choice));
  }
  return all;
}

TEST_P(SettingsLive, every_setting_comes_back_as_it_was) {
  // Goal: what a server says of a setting, another takes, and says the same: in base units, for
  // every kind of value, and back again.
  PostgresServer server(options());
  LiveSession first(server), second(server);
  SettingsTable table;
  std::set<std::string> carried;
  const auto all = choices(first);
  for (const auto& [name, values] : all) {
    for (const auto& value : values) {
      SCOPED_TRACE(name + " = " + value);
      const auto wanted = table.with({}, name, value);
      if (!wanted || !first.run(settings_difference({}, *wanted, "UTF8"))) continue;
      const auto of_first = observe(table, first, {});
      EXPECT_EQ(of_first.items().size(), 1U) << shown(of_first);
      const auto of_second = carry(table, second, {}, of_first);
      EXPECT_EQ(of_second, of_first) << shown(of_second);
      EXPECT_EQ(first.value("show " + name), second.value("show " + name));
      EXPECT_EQ(shown(carry(table, second, of_second, {})), "");
      EXPECT_EQ(shown(carry(table, first, of_first, {})), "");
      carried.insert(name);
    }
  }
  for (const auto& choice : all) EXPECT_TRUE(carried.contains(choice.name)) << choice.name;
}

TEST_P(SettingsLive, pg_settings_hides_nothing_else) {
  // Goal: what a session can set and pg_settings does not list are the role, who the session
  // belongs to, the seed, and placeholders: those are asked for by name or tie the session.
  PostgresServer server(options());
  LiveSession session(server);
  // No list says what is hidden: names are taken from the text of the program. Four are old names
  // of settings that are listed.
  auto hidden = settings_among(session, names_in(server.bin_dir() / "postgres"));
  EXPECT_TRUE(hidden.contains("work_mem"));
  for (const auto& row : session.rows("select lower(name) from pg_settings")) hidden.erase(row[0]);
  EXPECT_TRUE(hidden.contains("role") && hidden.contains("seed"));
  for (const auto& name :
       {"role", "session_authorization", "is_superuser", "seed", "default_with_oids", "sort_mem",
        "vacuum_mem", "force_parallel_mode", "ssl_ecdh_curve", "ssl_renegotiation_limit"})
    hidden.erase(name);
  EXPECT_TRUE(hidden.empty()) << *hidden.begin();
}

TEST_P(SettingsLive, sets_are_carried_whole) {
  // Goal: several at once, with a role, placeholders, bytes above ASCII and other encodings, under
  // either standard_conforming_strings.
  PostgresServer server(options());
  server.query("create role r; grant r to postgres; create role s; grant s to postgres");
  LiveSession client(server), other(server);
  SettingsTable table;
  const std::vector<std::string_view> names = {"app.who", "app.empty"};
  for (const std::string sql :
       {"set app.who = 'größe \\ '''; set work_mem = '2MB'; set role r; set app.empty = ''",
        "set log_min_duration_statement = 5; set role s",
        "set search_path = \"$user\", \"Ä\"; set time zone interval '-08:30' hour to minute",
        "set standard_conforming_strings = off",
        "set app.who = 'a\\\\b'; set escape_string_warning = off", "set role none; reset all",
        "set client_encoding = 'SJIS'", "set client_encoding = 'LATIN1'; set app.who = E'\\u00e4'",
        "reset all; set statement_timeout = '1h'"}) {
    SCOPED_TRACE(sql);
    const auto was = observe(table, other, {}, names);
    client.run("reset role");
    ASSERT_TRUE(client.run(sql));
    const auto now = observe(table, client, {}, names);
    const auto encoding = client.value("show client_encoding");
    const auto difference = settings_difference(was, now, encoding);
    ASSERT_TRUE(difference.empty() || other.run(difference)) << difference;
    const auto after = observe(table, other, {}, names);
    EXPECT_EQ(after, now) << shown(after) << "\ninstead of " << shown(now);
  }
}

TEST_P(SettingsLive, a_role_stands_in_nobodys_way) {
  // Goal: settings that the client's role may not make are made before it is taken.
  PostgresServer server(options());
  server.query("create role weak");
  LiveSession session(server);
  SettingsTable table;
  const auto weak = table.intern({{"role", "weak"}, {"log_statement", "all"}}).value();
  const auto weaker =
      table.intern({{"role", "weak"}, {"log_statement", "ddl"}, {"work_mem", "64"}}).value();
  EXPECT_EQ(carry(table, session, {}, weak), weak);
  EXPECT_EQ(carry(table, session, weak, weaker), weaker);
  EXPECT_TRUE(carry(table, session, weaker, {}).empty());
  EXPECT_EQ(session.value("select current_user"), "postgres");
}

}  // namespace
}  // namespace pgkeel::test
