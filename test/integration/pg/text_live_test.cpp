// What we read and write as text, against the server that reads the same: its configuration files
// and quoted SQL.
#include <gtest/gtest.h>
#include <fstream>

#include "integration/pg/majors.hpp"
#include "pg/config_text.hpp"
#include "pg/sql_text.hpp"

namespace pgkeel::test {
namespace {

class TextLive : public EveryMajor {};
PGKEEL_FOR_EVERY_MAJOR(TextLive);

constexpr std::string_view kOddLines =
    "WORK_MEM=7MB#no blank\n"
    "a.plain some-word.with:all/of_them\n"
    "a.quoted = 'it''s \\'\\101\\n\\b\\\\'   # comment 'with quotes'\n"
    "\t a.hex\t=\t0x1F\r\n"
    "a.real = -.5e3\n"
    "search_path = '\"$user\", public'\n";

TEST_P(TextLive, the_server_reads_its_configuration_as_we_do) {
  // Goal: K43: name, value and line of every setting as pg_file_settings shows them.
  PostgresServer server(options());
  server.append_config(kOddLines);
  const auto path = server.data_dir() / "postgresql.conf";
  const auto ours = pg::parse_config_text(read_file(path));
  EXPECT_TRUE(ours.faults.empty());
  const auto theirs = server.rows(
      "select lower(name), setting, sourceline::text from pg_file_settings where sourcefile = '" +
      path.string() + "' order by seqno");
  ASSERT_EQ(ours.settings.size(), theirs.size());
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    EXPECT_EQ(ours.settings[i].name, theirs[i][0]);
    EXPECT_EQ(ours.settings[i].value, theirs[i][1]) << ours.settings[i].name;
    EXPECT_EQ(std::to_string(ours.settings[i].line), theirs[i][2]);
  }
}

TEST_P(TextLive, the_server_refuses_the_lines_we_refuse) {
  // Goal: K43: the same lines are syntax errors to both.
  PostgresServer server(options());
  const auto path = server.data_dir() / "postgresql.conf";
  const auto before = read_file(path);
  for (const std::string line :
       {"port = = 3", "work_mem", "= 5", "work_mem = 1 MB", "a.b = 'never closed", "a.b.c = 1",
        "a.b = 1e+5", "a.b = 0x", "a.b = 5.5MB", "a.b = -", "1a = 5", "a.b = 'x' 'y'"}) {
    // The view gives up at the first fault of a file, so each line is tried alone.
    std::ofstream(path, std::ios::binary) << before << line << '\n';
    const auto theirs = server.rows(
        "select sourceline::text, error from pg_file_settings where error like 'syntax%'");
    const auto ours = pg::parse_config_text(read_file(path));
    ASSERT_EQ(ours.faults.size(), theirs.size()) << line;
    if (!theirs.empty()) EXPECT_EQ(std::to_string(ours.faults[0].line), theirs[0][0]) << line;
  }
}

TEST_P(TextLive, quoted_values_and_names_come_back) {
  // Goal: every byte of a value survives SQL text, whatever standard_conforming_strings is.
  PostgresServer server(options());
  for (const std::string setting : {"on", "off"}) {
    for (const std::string value : {"", "o'brien", "back\\slash", "\\", "'\\''", "new\nline", "ä€𝄞",
                                    "$1 ; -- /* */", "\"x\""}) {
      const auto literal = pg::quote_literal(value).value();
      EXPECT_EQ(server.query("set standard_conforming_strings = " + setting + "; select" + literal),
                value)
          << literal;
    }
  }
  for (const std::string name : {"select", "Mixed Case", "a\"b", "x;drop"}) {
    const auto quoted = pg::quote_identifier(name).value();
    EXPECT_EQ(server.query("select '" + name + "' = column_name from (select 1 as " + quoted +
                           ") t, lateral (select json_object_keys(row_to_json(t)) column_name) k"),
              "t")
        << quoted;
  }
}

}  // namespace
}  // namespace pgkeel::test
