// postgresql.conf by the server's own rules.
#include "pg/config_text.hpp"

#include <gtest/gtest.h>

namespace pgkeel::pg {
namespace {

TEST(ConfigText, reads_settings_in_every_spelling) {
  // Goal: what the instance asks before a start: port and socket directories, however written.
  const auto text = parse_config_text(
      "# comment\n"
      "port = 5433   # (change requires restart)\n"
      "  Listen_Addresses='*'\n"
      "unix_socket_directories '/run/pg, /tmp'\r\n"
      "work_mem = 64MB\n"
      "checkpoint_completion_target=.9\n"
      "autovacuum_cost = -1.5e3\n"
      "plpgsql.variable_conflict = use_column\n"
      "log_file_mode = 0640\n"
      "flags = 0xFF\n"
      "data_directory = 'C:\\\\x\\nit''s \\101'\n"
      "include_if_exists 'extra.conf'");
  EXPECT_TRUE(text.faults.empty()) << text.faults.front().what;
  const auto get = [&](std::string_view name) { return find_setting(text.settings, name); };
  EXPECT_EQ(get("port"), "5433");
  EXPECT_EQ(get("listen_addresses"), "*");
  EXPECT_EQ(get("unix_socket_directories"), "/run/pg, /tmp");
  EXPECT_EQ(get("work_mem"), "64MB");
  EXPECT_EQ(get("checkpoint_completion_target"), ".9");
  EXPECT_EQ(get("autovacuum_cost"), "-1.5e3");
  EXPECT_EQ(get("plpgsql.variable_conflict"), "use_column");
  EXPECT_EQ(get("log_file_mode"), "0640");
  EXPECT_EQ(get("flags"), "0xFF");
  EXPECT_EQ(get("data_directory"), "C:\\x\nit's A");
  EXPECT_EQ(get("hba_file"), std::nullopt);
  EXPECT_TRUE(is_include(text.settings.back()));
  EXPECT_EQ(text.settings.back().line, 12);
  EXPECT_FALSE(is_include(text.settings.front()));
}

TEST(ConfigText, the_last_value_wins) {
  // Goal: ALTER SYSTEM's file behind postgresql.conf overrides it.
  const auto text = parse_config_text("port = 1\nport = 2\n");
  EXPECT_EQ(find_setting(text.settings, "port"), "2");
}

TEST(ConfigText, names_the_lines_the_server_would_refuse) {
  // Goal: K43: the broken line is named, in the server's words, and reading goes on.
  const auto text = parse_config_text(
      "port = = 3\n"
      "shared_buffers\n"
      "= 5\n"
      "work_mem = 1 MB\n"
      "x = 'never closed\n"
      "a.b.c = 1\n"
      "max_connections = 10\n");
  ASSERT_EQ(text.faults.size(), 6U);
  EXPECT_EQ(text.faults[0].line, 1);
  EXPECT_EQ(text.faults[0].what, "syntax error near token \"=\"");
  EXPECT_EQ(text.faults[1].what, "syntax error near end of line");
  EXPECT_EQ(text.faults[3].what, "syntax error near token \"MB\"");
  EXPECT_EQ(text.faults[4].what, "syntax error near a quoted value");
  EXPECT_EQ(find_setting(text.settings, "max_connections"), "10");
}

TEST(ConfigText, a_fault_never_repeats_a_secret) {
  // Goal: primary_conninfo with its quotes wrong keeps its password to itself.
  const auto text = parse_config_text("primary_conninfo = 'host=x password=it's hunter2'\n");
  ASSERT_EQ(text.faults.size(), 1U);
  EXPECT_EQ(text.faults[0].what.find("hunter2"), std::string::npos);
}

TEST(ConfigText, quoted_values_read_back) {
  // Goal: what pgkeel writes into a configuration means the same to the server.
  for (const std::string value :
       {"", "plain", "it's", "back\\slash", "two\nlines", "#no comment"}) {
    const auto text = parse_config_text("x = " + quote_config_value(value) + "\n");
    EXPECT_EQ(find_setting(text.settings, "x"), value);
  }
}

TEST(ConfigText, splits_lists) {
  // Goal: several socket directories, quoted ones with commas kept whole.
  EXPECT_EQ(split_config_list("/run/pg, /tmp"), (std::vector<std::string>{"/run/pg", "/tmp"}));
  EXPECT_EQ(split_config_list("\"/a, b\",/c"), (std::vector<std::string>{"/a, b", "/c"}));
  EXPECT_EQ(split_config_list("\"a\"\"b\""), std::vector<std::string>{"a\"b"});
  EXPECT_TRUE(split_config_list("").empty());
}

TEST(ConfigText, is_bounded) {
  // Goal: a file of nothing but lines or faults cannot fill memory.
  std::string many;
  for (std::size_t i = 0; i < kConfigSettingsMax + 10; ++i) many += "a = 1\n= 1\n";
  const auto text = parse_config_text(many);
  EXPECT_EQ(text.settings.size(), kConfigSettingsMax);
  EXPECT_EQ(text.faults.size(), kConfigFaultsMax);
}

}  // namespace
}  // namespace pgkeel::pg
