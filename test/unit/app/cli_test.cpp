// The command line: which command is meant, what it is given, and what a mistake says.
#include "app/cli.hpp"

#include <gmock/gmock.h>

namespace pgkeel::app {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

CommandSpec spec(std::string_view name, std::string_view passed_on = {}) {
  return {.name = name,
          .summary = "does it",
          .example = "pgkeel it",
          .options = {{.names = "--for", .value = "DURATION", .help = "how long"},
                      {.names = "-f,--follow", .help = "go on"},
                      {.names = "--fault",
                       .value = "NAME",
                       .help = "which",
                       .takes = OptionSpec::Takes::Many}},
          .arguments = {{.names = "ID", .help = "which one"}},
          .passed_on = passed_on,
          .run = [](const Invocation&) -> Result<int> { return 0; }};
}

CommandTable table() {
  return {.commands = {spec("status"), spec("pause"), spec("incident list"), spec("incident show"),
                       spec("psql", "ARGS"), spec("undrop"), spec("undrop list")},
          .groups = {{"incident", "what happened"}, {"undrop", "what is gone"}}};
}

ParsedCommand parse(const std::vector<std::string>& args) {
  const auto commands = table();
  auto parsed = parse_command_line(commands, args);
  if (!parsed || !std::holds_alternative<ParsedCommand>(*parsed)) {
    ADD_FAILURE() << (parsed ? "help" : parsed.error().message());
    return {};
  }
  auto command = std::get<ParsedCommand>(std::move(*parsed));
  command.command = nullptr;  // belongs to the table that ends here
  return command;
}

Error error_of(const std::vector<std::string>& args) {
  const auto commands = table();
  auto parsed = parse_command_line(commands, args);
  if (parsed) {
    ADD_FAILURE() << "was accepted";
    return {};
  }
  return parsed.error();
}

std::string text_of(const std::vector<std::string>& args) {
  const auto commands = table();
  auto parsed = parse_command_line(commands, args);
  const auto* text = parsed ? std::get_if<ParsedText>(&*parsed) : nullptr;
  EXPECT_NE(text, nullptr);
  return text == nullptr ? "" : text->text;
}

TEST(CommandLine, OptionsStandBeforeOrBehindTheCommand) {
  // Goal: global options are understood in both places, options of the command with either form.
  const auto before = parse({"--json", "--config", "a.toml", "pause", "--for", "2h"}).invocation;
  EXPECT_TRUE(before.global.json);
  EXPECT_EQ(before.global.config_file, "a.toml");
  EXPECT_EQ(before.value("--for"), "2h");
  const auto behind =
      parse({"pause", "--for=2h", "--json", "--state-dir=/s", "--set", "a=b", "--set", "c=d"})
          .invocation;
  EXPECT_TRUE(behind.global.json);
  EXPECT_EQ(behind.global.state_dir, "/s");
  EXPECT_THAT(behind.global.set, ElementsAre("a=b", "c=d"));
  EXPECT_FALSE(behind.has("--follow"));
  EXPECT_FALSE(behind.value("ID").has_value());
}

TEST(CommandLine, TwoWordCommandsTakeArguments) {
  // Goal: "incident show ID" finds its command and keeps its argument.
  const auto show = parse({"incident", "--json", "show", "2026-11-21-003", "-f"}).invocation;
  EXPECT_EQ(show.value("ID"), "2026-11-21-003");
  EXPECT_TRUE(show.has("--follow"));
  EXPECT_TRUE(show.global.json);
  const auto many = parse({"pause", "--fault", "a", "--fault", "b", "x"}).invocation;
  EXPECT_THAT(many.values.at("--fault"), ElementsAre("a", "b"));
  EXPECT_EQ(many.value("ID"), "x");
}

TEST(CommandLine, AGroupsNameMayBeACommandToo) {
  // Goal: a word that names no command of the group is the argument of the one called like it.
  const auto own = parse({"undrop", "shop.public.orders", "--for", "2h"});
  EXPECT_EQ(own.invocation.value("ID"), "shop.public.orders");
  EXPECT_EQ(own.invocation.value("--for"), "2h");
  EXPECT_FALSE(parse({"undrop", "list"}).invocation.has("ID"));
}

TEST(CommandLine, PassesOnWhatIsNotOurs) {
  // Goal: psql's own options and arguments reach it unread, even those that look like commands.
  const auto shell =
      parse({"psql", "--config", "a.toml", "-c", "select 1", "--json", "status"}).invocation;
  EXPECT_EQ(shell.global.config_file, "a.toml");
  EXPECT_FALSE(shell.global.json);
  EXPECT_THAT(shell.rest, ElementsAre("-c", "select 1", "--json", "status"));
  EXPECT_THAT(parse({"psql", "--", "--help"}).invocation.rest, ElementsAre("--help"));
  EXPECT_TRUE(parse({"psql"}).invocation.rest.empty());
}

TEST(CommandLine, MistakesAreNamed) {
  // Goal: each mistake is one line with exit code 2 and a way on.
  EXPECT_EQ(error_of({"staus"}).message(), "no command 'staus', did you mean 'status'?");
  EXPECT_EQ(error_of({"incident", "shwo"}).message(),
            "no command 'incident shwo', did you mean 'incident show'?");
  EXPECT_EQ(error_of({"frobnicate"}).message(), "no command 'frobnicate'");
  EXPECT_EQ(error_of({}).message(), "pgkeel needs a command");
  EXPECT_EQ(error_of({"incident"}).message(), "pgkeel incident needs a command");
  EXPECT_THAT(error_of({"pause", "--four", "2h"}).message(), HasSubstr("--four"));
  EXPECT_THAT(error_of({"pause", "--for"}).message(), HasSubstr("--for"));
  EXPECT_THAT(error_of({"status", "a", "b"}).message(), HasSubstr("b"));
  EXPECT_THAT(std::string(error_of({"status", "--x"}).hint()), HasSubstr("pgkeel status --help"));
  EXPECT_EQ(error_of({"status", "--x"}).exit_number(), 2);
}

TEST(CommandLine, HelpIsForTheCommandNamed) {
  // Goal: --help anywhere explains what was named, with an example, before any other complaint.
  EXPECT_THAT(text_of({"--help"}), HasSubstr("usage: pgkeel COMMAND"));
  EXPECT_THAT(text_of({"incident", "-h"}), HasSubstr("incident show"));
  EXPECT_THAT(text_of({"incident", "show", "--help"}),
              testing::AllOf(HasSubstr("usage: pgkeel incident show [OPTIONS] [ID]"),
                             HasSubstr("example:\n  pgkeel it")));
  EXPECT_THAT(text_of({"pause", "--for", "--help"}), HasSubstr("usage: pgkeel pause"));
  EXPECT_THAT(text_of({"--version"}), testing::StartsWith("pgkeel "));
}

}  // namespace
}  // namespace pgkeel::app
