// The admin console against what a real PgBouncer answered: its columns, types, tags and errors.
#include <gtest/gtest.h>
#include <fstream>
#include <map>
#include <sstream>

#include "gateway/admin/answers.hpp"
#include "pg/wire/frame.hpp"
#include "pg/wire/message_reader.hpp"

namespace pgkeel::gateway::admin {
namespace {

using pg::wire::MessageReader;
using pg::wire::Sender;
namespace backend = pg::wire::backend;

constexpr std::size_t kBodyMost = 1U << 16U;

// What the record has below "> command", line by line.
std::map<std::string, std::vector<std::string>> recorded() {
  std::ifstream file("test/data/pgbouncer/console.txt");
  std::map<std::string, std::vector<std::string>> told;
  std::string command;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("> ")) told[command = line.substr(2)];
    else if (!line.starts_with('#')) told[command].push_back(line);
  }
  return told;
}

std::string type_name(Oid type) {
  return type == backend::kTextType ? "text" : type == backend::kInt4Type ? "int4" : "numeric";
}

// The answer as the record writes it, rows as "row a|b".
std::vector<std::string> told(const ByteBuffer& out) {
  MessageReader reader(Sender::Backend, kBodyMost);
  reader.feed(out);
  std::vector<std::string> lines;
  while (const auto message = reader.next().value()) {
    std::string line;
    if (message->type == backend::RowDescription::kType) {
      line = "columns";
      const auto description = backend::RowDescription::decode(message->body).value();
      for (const auto& column : description.columns)
        line += ' ' + std::string(column.name) + ':' + type_name(column.type);
    } else if (message->type == backend::DataRow::kType) {
      const auto row = backend::DataRow::decode(message->body).value();
      for (const auto& value : row.values)
        line += (line.empty() ? "row " : "|") + std::string(*value);
    } else if (message->type == backend::CommandComplete::kType) {
      line = "tag " + std::string(backend::CommandComplete::decode(message->body)->tag);
    } else {
      const auto fields = pg::wire::ErrorFields::decode(message->body).value();
      line = std::string(message->type == 'N' ? "notice " : "error ") +
             std::string(fields.sqlstate()) + ' ' + std::string(fields.message());
    }
    lines.push_back(line);
  }
  return lines;
}

std::vector<std::string> answer(std::string_view text, const Snapshots& snapshots = {}) {
  ByteBuffer out;
  const auto command = parse_command(text);
  if (!command) append_error(out, command.error());
  else if (command->verb == Verb::Show) append_show(out, command->topic, snapshots);
  else append_done(out, command->verb);
  return told(out);
}

TEST(AdminConsole, ShowsPgBouncersColumns) {
  // Goal: names, order and types of every SHOW, as recorded; what is newer stands behind them.
  const auto record = recorded();
  int shown = 0;
  for (const auto& [command, lines] : record) {
    if (!command.starts_with("SHOW ") || !lines[0].starts_with("columns")) continue;
    const auto ours = answer(command);
    ASSERT_FALSE(ours.empty()) << command;
    EXPECT_TRUE((ours[0] + ' ').starts_with(lines[0] + ' ')) << command << ": " << ours[0];
    EXPECT_EQ(ours.back(), "tag SHOW");
    ++shown;
  }
  EXPECT_EQ(shown, 12);
  EXPECT_EQ(answer("show help"),
            (std::vector<std::string>{"notice 00000 Console usage", "tag SHOW"}));
}

TEST(AdminConsole, RefusesInPgBouncersWords) {
  // Goal: what is no command to PgBouncer is none here, with the same SQLSTATE and text.
  int refused = 0;
  for (const auto& [command, lines] : recorded()) {
    const auto error = lines.empty() ? std::string() : lines[0];
    if (!error.contains("invalid command")) continue;
    const auto ours = answer(command);
    ASSERT_EQ(ours.size(), 1U) << command;
    EXPECT_EQ(ours[0], "error 08P01 invalid command '" + command + "', use SHOW HELP;");
    ++refused;
  }
  EXPECT_GE(refused, 7);
  EXPECT_EQ(no_such_database("x").detail, "no such database: x");
  EXPECT_EQ(not_paused("").detail, "pooler is not paused/suspended");
  EXPECT_EQ(not_paused("app").detail, "database app is not paused");
  EXPECT_EQ(parse_command(std::string(5000, 'x')).error().detail.size(),
            200 + sizeof("invalid command '', use SHOW HELP;") - 1);
}

TEST(AdminConsole, ReadsCommands) {
  // Goal: any case, blanks, one semicolon, a database bare or quoted.
  EXPECT_EQ(parse_command(" Pause\n app ; ")->database, "app");
  EXPECT_EQ(parse_command("KILL \"a \"\"b\"\"\"")->database, "a \"b\"");
  EXPECT_EQ(parse_command("resume")->verb, Verb::Resume);
  EXPECT_EQ(parse_command("RECONNECT;")->database, "");
  EXPECT_EQ(parse_command("reload")->verb, Verb::Reload);
  EXPECT_EQ(parse_command("show\tPrepared_Statements")->topic, Topic::PreparedStatements);
  for (const std::string_view text : {"pause a b", "reload x", "show pools x", "pause \"a",
                                      "pause \"\"", "pause 'a'", "pause a;;", "\"", ";"})
    EXPECT_EQ(parse_command(text).error().sqlstate, "08P01") << text;
  for (const std::string_view text : {"SET x = 1", "shutdown", "SHOW FDS", "disable app"}) {
    EXPECT_EQ(parse_command(text).error().sqlstate, "0A000") << text;
    EXPECT_FALSE(parse_command(text).error().hint().empty());
  }
}

TEST(AdminConsole, ShowsWhatThereIs) {
  // Goal: values in their columns, sums in TOTALS, times as PgBouncer writes them.
  const PoolSnapshot pools[] = {{.database = "app",
                                 .user = "u",
                                 .clients_active = 3,
                                 .longest_wait_us = 7,
                                 .pool_mode = "transaction"}};
  EXPECT_EQ(answer("SHOW POOLS", {.pools = pools})[1],
            "row app|u|3|0|0|0|0|0|0|0|0|0|0|0|7|transaction");
  const ConnectionSnapshot clients[] = {
      {.type = "C",
       .connected_at = WallTime(std::chrono::microseconds(1'700'000'000'123'456)),
       .id = 9}};
  EXPECT_EQ(answer("SHOW CLIENTS", {.clients = clients})[1],
            "row C|||||0||0|2023-11-14 22:13:20 UTC||0|0|0|||0|||0|9");
  const StatsSnapshot stats[] = {{"a", {.transactions = 1, .binds = 2}, {.queries = 3}},
                                 {"b", {.transactions = 10}, {}}};
  EXPECT_EQ(answer("SHOW STATS", {.stats = stats})[1],
            "row a|1|0|0|0|0|0|0|0|3|0|0|0|0|0|0|0|0|2|0|0|0|0");
  EXPECT_EQ(answer("SHOW STATS_TOTALS", {.stats = stats})[2], "row b|10|0|0|0|0|0|0|0|0|0|0");
  EXPECT_EQ(answer("SHOW TOTALS", {.stats = stats})[1], "row total_xact_count|11");
  EXPECT_EQ(answer("SHOW VERSION", {.version = "1.2"})[1], "row pgkeel 1.2");
}

}  // namespace
}  // namespace pgkeel::gateway::admin
